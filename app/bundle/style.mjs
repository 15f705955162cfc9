// Joins a stylesheet with everything it imports, in that order, and minifies it. Modern CSS stays modern.
import { bundle } from "lightningcss";

const { code, warnings } = bundle({ filename: process.argv[2], minify: true });
for (const warning of warnings) console.error(`warning: ${warning.message} (${warning.loc.filename}:${warning.loc.line})`);
process.stdout.write(code);
