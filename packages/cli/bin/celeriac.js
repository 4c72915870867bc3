#!/usr/bin/env node
/** The file that npm links. It is not built, so that the link and its mode are there before the first build. */
import '../dist/main.js';
