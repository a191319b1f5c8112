// Prints the report of Khronos' validator on a file. Usage: node validate.mjs FILE.glb
import { readFileSync } from "node:fs";
import validator from "gltf-validator";

const report = await validator.validateBytes(new Uint8Array(readFileSync(process.argv[2])), {
  maxIssues: 100,
});
console.log(JSON.stringify(report.issues));
