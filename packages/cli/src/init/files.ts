/**
 * The files of a new project, by path: small, and complete enough to run. The same program in TypeScript and in
 * JavaScript. Pure.
 */
import {
  contractsFile,
  guideFile,
  ignoreFile,
  type Language,
  manifestFile,
  sendFile,
  settingsFile,
  tasksFile,
  testFile,
  typescriptFile,
} from './templates.js';

export interface Project {
  /** Of the package; taken from the directory. */
  readonly name: string;
  readonly language: Language;
  /** Of the packages of Celeriac: that of this command. */
  readonly version: string;
}

export function projectFiles(project: Project): ReadonlyMap<string, string> {
  const { language } = project;
  const extension = language === 'typescript' ? 'ts' : 'js';
  const files: readonly (readonly [string, string])[] = [
    ['package.json', manifestFile(project)],
    ...(language === 'typescript' ? [['tsconfig.json', typescriptFile] as const] : []),
    ['celeriac.yaml', settingsFile],
    [`src/contracts.${extension}`, contractsFile],
    [`src/tasks.${extension}`, tasksFile(language)],
    [`src/send.${extension}`, sendFile],
    [`test/tasks.test.${extension}`, testFile],
    ['README.md', guideFile(project)],
    ['.gitignore', ignoreFile],
  ];
  return new Map(files);
}

/** A name that npm takes, from that of a directory. */
export function packageName(directory: string): string {
  const name = directory
    .toLowerCase()
    .replaceAll(/[^a-z0-9._-]+/gu, '-')
    .replaceAll(/^[._-]+|-+$/gu, '');
  return name === '' ? 'my-service' : name.slice(0, 100);
}
