// The rules that keep the shape: typed promise rules, size limits, import cycles and layers.
import js from '@eslint/js';
import { createNodeResolver, importX } from 'eslint-plugin-import-x';
import tseslint from 'typescript-eslint';

/** Bans imports by pattern in some files, with a sentence that says why. */
function layer(files, group, message, extra = {}) {
  return {
    files,
    rules: { 'no-restricted-imports': ['error', { patterns: [{ group, message }, deepImports], ...extra }] },
  };
}

const deepImports = {
  group: [
    '@celeriac/*/*',
    '!@celeriac/*/package.json',
    '**/packages/*/src/**',
    '**/packages/*/dist/**',
    '../**/dist/**',
  ],
  message: 'Import a package by its name: its index is its surface.',
};
const amqpLibraries = ['amqplib', 'amqplib/*', 'amqp-connection-manager'];
const io = [
  'node:fs',
  'node:fs/*',
  'node:net',
  'node:tls',
  'node:http',
  'node:child_process',
  ...amqpLibraries,
];

export default tseslint.config(
  {
    ignores: [
      '**/dist/**',
      '**/dist-test/**',
      '**/node_modules/**',
      'coverage/**',
      'docs/**',
      '**/fixtures/**',
      'bench/node_modules/**',
    ],
  },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [...tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    plugins: { 'import-x': importX },
    settings: {
      'import-x/parsers': { '@typescript-eslint/parser': ['.ts'] },
      'import-x/resolver-next': [
        createNodeResolver({
          extensionAlias: { '.js': ['.ts', '.js'] },
          extensions: ['.ts', '.js', '.json'],
        }),
      ],
    },
    rules: {
      'max-lines': ['error', { max: 300 }],
      'max-lines-per-function': ['error', { max: 50 }],
      complexity: ['error', { max: 12, variant: 'modified' }],
      'max-params': ['error', 3],
      'no-console': 'error',
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'import-x/no-cycle': ['error', { ignoreExternal: true }],
      'import-x/no-default-export': 'error',
      'import-x/no-self-import': 'error',
      'no-restricted-syntax': [
        'error',
        {
          // A folder's own list is one of names as well.
          selector: 'ExportAllDeclaration:not([source.value=/index.js$/])',
          message: 'Export by name: the surface is what index.ts lists.',
        },
        { selector: 'TSEnumDeclaration', message: 'Use a union of string literals.' },
      ],
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            { group: amqpLibraries, message: 'Only packages/core/src/amqp may import the AMQP libraries.' },
            deepImports,
          ],
        },
      ],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/no-import-type-side-effects': 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/no-confusing-void-expression': [
        'error',
        { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true },
      ],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/prefer-promise-reject-errors': 'off',
      '@typescript-eslint/only-throw-error': 'error',
      '@typescript-eslint/no-unnecessary-type-parameters': 'off',
      '@typescript-eslint/no-invalid-void-type': 'off',
    },
  },
  // Time and chance come in by the constructor; clock.ts is where they come from.
  {
    files: ['packages/*/src/**/*.ts'],
    ignores: ['packages/core/src/clock.ts'],
    rules: {
      'no-restricted-globals': [
        'error',
        ...['setTimeout', 'setInterval', 'clearTimeout', 'clearInterval'].map((name) => ({
          name,
          message: 'Use the Clock.',
        })),
      ],
      'no-restricted-properties': [
        'error',
        { object: 'Date', property: 'now', message: 'Use the Clock.' },
        { object: 'Math', property: 'random', message: 'Use the Clock: chance is injected as time is.' },
      ],
    },
  },
  // Layers of core. The AMQP libraries live in amqp/; deciding is pure; the wire knows no transport.
  {
    files: ['packages/core/src/amqp/**/*.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            deepImports,
            {
              group: ['**/protocol/*', '**/config/load*'],
              message: 'amqp/ moves bytes: it knows neither Celery nor files.',
            },
          ],
        },
      ],
    },
  },
  layer(
    ['packages/core/src/protocol/**/*.ts'],
    [...io, '**/amqp/*', '**/config/*'],
    'protocol/ is the wire: no I/O, no transport, no configuration.',
  ),
  layer(
    ['packages/core/src/policy/**/*.ts'],
    [...io, '**/amqp/*', '**/protocol/*', '**/config/load*'],
    'policy/ decides: it is pure.',
  ),
  layer(
    ['packages/core/src/contract/**/*.ts'],
    [...io, '**/amqp/*', '**/protocol/*', '**/config/*'],
    'A contract is a description: no I/O, no transport.',
  ),
  layer(
    ['packages/worker/src/judge.ts'],
    [...io, '@celeriac/publisher', './settle.js', './execute.js', './dispatch.js'],
    'judge decides: it is pure.',
  ),
  layer(
    ['packages/worker/src/**/*.ts'],
    [...amqpLibraries, '@celeriac/publisher'],
    'The worker publishes through core; it never imports the publisher.',
  ),
  layer(
    ['packages/publisher/src/**/*.ts'],
    [...amqpLibraries, '@celeriac/worker'],
    'A web process loads no worker code.',
  ),
  // Tests and programs: long describe blocks are fine, and so is a console.
  {
    files: ['packages/*/test/**/*.ts', 'tests/**/*.ts', 'examples/**/*.ts', 'bench/**/*.ts'],
    rules: {
      'max-lines-per-function': 'off',
      'no-console': 'off',
      'no-restricted-imports': 'off',
      '@typescript-eslint/no-unused-expressions': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-empty-function': 'off',
    },
  },
  {
    files: ['**/*.js', '**/*.mjs'],
    languageOptions: {
      globals: {
        process: 'readonly',
        console: 'readonly',
        Buffer: 'readonly',
        performance: 'readonly',
        setTimeout: 'readonly',
        URL: 'readonly',
      },
    },
  },
);
