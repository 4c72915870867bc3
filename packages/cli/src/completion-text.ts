/**
 * Shell scripts that complete the command line, made from the commands themselves, so that they never lack one. The
 * scripts hold every name and start nothing while somebody types. Pure.
 */
import type { Command } from 'commander';

export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

interface Place {
  /** `''` for the program itself, `'beat schedules'` for a command of a command. */
  readonly path: string;
  readonly commands: readonly Named[];
  readonly options: readonly Named[];
}

interface Named {
  readonly name: string;
  readonly description: string;
}

export function completionScript(program: Command, shell: Shell): string {
  const places = placesOf(program, '');
  if (shell === 'bash') return bash(places);
  return shell === 'zsh' ? zsh(places) : fish(places);
}

function placesOf(command: Command, path: string): readonly Place[] {
  const commands = command.commands.map((one) => ({ name: one.name(), description: one.description() }));
  const options = command
    .createHelp()
    .visibleOptions(command)
    .map(({ long, short, description }) => ({ name: long ?? short ?? '', description }));
  const inner = command.commands.flatMap((one) => placesOf(one, `${path} ${one.name()}`.trim()));
  return [{ path, commands, options }, ...inner];
}

function namesIn({ commands, options }: Place): string {
  return [...commands, ...options].map(({ name }) => name).join(' ');
}

/** The words before the cursor that name a command, as far as they do. */
function walk(places: readonly Place[], list: string): string {
  const known = places.filter(({ path }) => path !== '').map(({ path }) => `'${path}'`);
  return `  local at= word next
  for word in ${list}; do
    next="$at\${at:+ }$word"
    case "$next" in
      ${known.join('|')}) at="$next" ;;
    esac
  done`;
}

function table(places: readonly Place[]): string {
  return places.map((place) => `    '${place.path}') names='${namesIn(place)}' ;;`).join('\n');
}

function bash(places: readonly Place[]): string {
  return `# celeriac completion for bash: eval "$(celeriac completion bash)"
_celeriac() {
  local names=
${walk(places, '"${COMP_WORDS[@]:1:COMP_CWORD-1}"')}
  case "$at" in
${table(places)}
  esac
  COMPREPLY=($(compgen -W "$names" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _celeriac celeriac`;
}

function zsh(places: readonly Place[]): string {
  return `#compdef celeriac
# celeriac completion for zsh: eval "$(celeriac completion zsh)", after compinit
_celeriac() {
${walk(places, '"${(@)words[2,CURRENT-1]}"')}
  local names=
  case "$at" in
${table(places)}
  esac
  compadd -- \${=names} || _files
}
compdef _celeriac celeriac`;
}

function fish(places: readonly Place[]): string {
  const lines = places.flatMap(({ path, commands, options }) => {
    const here = `complete -c celeriac -n '__celeriac_at "${path}"'`;
    return [
      ...commands.map(({ name, description }) => `${here} -f -a ${name} -d ${quoted(description)}`),
      ...options.map(
        ({ name, description }) => `${here} -l ${name.replace(/^-+/u, '')} -d ${quoted(description)}`,
      ),
    ];
  });
  const known = places.filter(({ path }) => path !== '').map(({ path }) => `'${path}'`);
  return `# celeriac completion for fish: celeriac completion fish | source
function __celeriac_at
  set -l at ''
  for word in (commandline -opc)[2..]
    set -l next (string trim -- "$at $word")
    contains -- $next ${known.join(' ')}; and set at $next
  end
  test "$at" = "$argv[1]"
end
${lines.join('\n')}`;
}

function quoted(text: string): string {
  return `'${text.replaceAll(/['\\]/gu, '\\$&')}'`;
}
