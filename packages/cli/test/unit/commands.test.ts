/** What holds for every command: how it is described, and how shells complete it. */
import { execFileSync } from 'node:child_process';

import { expect } from 'chai';
import type { Command } from 'commander';

import { completionScript } from '../../dist/completion-text.js';
import { createProgram, runCommand } from '../../dist/program.js';

const program = createProgram(() => undefined);

interface Leaf {
  readonly path: string;
  readonly command: Command;
}

function leaves(command: Command, path: string): readonly Leaf[] {
  const inner = command.commands.flatMap((one) => leaves(one, `${path} ${one.name()}`));
  return inner.length === 0 || command.registeredArguments.length > 0 ? [...inner, { path, command }] : inner;
}

function helpOf(command: Command): string {
  let text = '';
  command.configureOutput({ writeOut: (part) => (text += part) });
  command.outputHelp();
  return text;
}

const all = [...leaves(program, 'celeriac')];

describe('every command', () => {
  for (const { path, command } of all) {
    it(`${path} has a description, --json, and an example in its --help that begins with its name`, () => {
      const help = helpOf(command);

      expect(command.description()).to.match(/^\S.*[^.]$/su);
      expect(command.options.map(({ long }) => long)).to.include('--json');
      expect(help).to.match(/^Examples?:$/mu);
      expect(help.slice(help.indexOf('\nExample'))).to.include(path);
    });
  }
});

/** Asks bash what it would offer for a line whose last word is being typed. */
function offered(...line: string[]): readonly string[] {
  const list = line.map((word) => `'${word}'`).join(' ');
  const ask = `COMP_WORDS=(${list}); COMP_CWORD=${line.length - 1}; _celeriac; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const script = `${completionScript(program, 'bash')}\n${ask}`;
  return execFileSync('bash', ['-c', script], { encoding: 'utf8' }).trim().split('\n');
}

describe('completion', () => {
  it('offers commands, the commands of a command, and options', () => {
    expect(offered('celeriac', 'wor')).to.deep.equal(['worker']);
    expect(offered('celeriac', 'dlq', '')).to.include.members(['list', 'show', 'requeue', 'purge']);
    expect(offered('celeriac', 'dlq', 'requeue', 'billing', '--dry')).to.deep.equal(['--dry-run']);
  });

  it('leaves everything else to the shell, which knows files', () => {
    expect(offered('celeriac', 'worker', '--require', './ta')).to.deep.equal(['']);
  });

  it('holds every command in the scripts for zsh and fish', () => {
    for (const shell of ['zsh', 'fish'] as const) {
      const script = completionScript(program, shell);
      for (const { path } of all) {
        if (path !== 'celeriac') expect(script).to.include(`'${path.replace('celeriac ', '')}'`);
      }
    }
  });
});

/** A command line without a process of its own: exit code, and all that it writes. */
async function ended(...args: string[]): Promise<{ readonly code: number; readonly text: string }> {
  const { isTTY } = process.stdin;
  const streams = [process.stdout, process.stderr].map((stream) => ({
    stream,
    before: Reflect.get(stream, 'write'),
  }));
  let text = '';
  for (const { stream } of streams)
    stream.write = (part: string | Uint8Array) => Boolean((text += String(part)));
  process.stdin.isTTY = false; // nobody can be asked, on a laptop either
  try {
    return { code: await runCommand(args), text };
  } finally {
    for (const { stream, before } of streams) Reflect.set(stream, 'write', before);
    process.stdin.isTTY = isTTY;
  }
}

describe('a command line', () => {
  for (const [what, args, code, shown] of [
    ['waiting for a result that nobody keeps', ['send', 'a', '--wait'], 78, /Nothing was sent/u],
    ['emptying a queue where nobody can be asked', ['purge', 'a'], 2, /--yes a/u],
    ['a confirmation of another queue', ['purge', 'a', '--yes', 'b'], 2, /nothing was done/u],
    ['dev with a module that does not exist', ['dev', './no.mjs'], 2, /no\.mjs does not exist/u],
    ['a shell without completion', ['completion', 'csh'], 2, /bash, zsh, fish/u],
    ['the schema', ['schema'], 0, /consumer_heartbeat/u],
    ['a misspelt option of a new command', ['queues', '--wach'], 2, /Did you mean --watch/u],
  ] as const) {
    it(`ends with ${code} for ${what}, says so, and connects to nothing`, async () => {
      const { code: exitCode, text } = await ended(...args);

      expect(text).to.match(shown);
      expect(exitCode).to.equal(code);
    });
  }
});
