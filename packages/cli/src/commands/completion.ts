/** `celeriac completion`: prints a script for a shell. Never connects, and reads no configuration. */
import { Command } from 'commander';

import { completionScript, type Shell, shells } from '../completion-text.js';
import { examples } from '../help.js';
import { print, printJson } from '../output.js';
import { oneOf } from '../parse.js';

export function completionCommand(): Command {
  return new Command('completion')
    .description('print a script that completes commands and options')
    .argument('<shell>', shells.join(', '), oneOf('completion', shells))
    .option('--json', 'print the script, or the error, as JSON')
    .addHelpText(
      'after',
      examples(
        'eval "$(celeriac completion bash)"    # in ~/.bashrc',
        'eval "$(celeriac completion zsh)"     # in ~/.zshrc, after compinit',
        'celeriac completion fish | source     # in ~/.config/fish/config.fish',
      ),
    )
    .action((shell: Shell, { json }: { json?: boolean }, self: Command) => {
      const script = completionScript(programOf(self), shell);
      if (json === true) printJson({ shell, script });
      else print(script);
    });
}

function programOf(command: Command): Command {
  return command.parent === null ? command : programOf(command.parent);
}
