/** The command line as a function, for programs that wrap it. */
export { runCommand } from './program.js';
