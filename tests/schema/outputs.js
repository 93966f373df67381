// SPDX-License-Identifier: MIT
//
// Validate what commands printed, a JSON document on each line, with ajv in strict mode; and spoil one of
// each kind in every place, for no schema is worth much that takes anything.
//
//   node outputs.js DOCUMENT-SCHEMA SCHEMA FILE...    prints "N passed, N failed"
'use strict';

const fs = require('node:fs');
const Ajv = require('ajv/dist/2020');
const addFormats = require('ajv-formats');

const [documentSchema, schemaPath, ...files] = process.argv.slice(2);
const read = (path) => JSON.parse(fs.readFileSync(path, 'utf8'));
const ajv = new Ajv({ strict: true, strictRequired: false, strictTypes: false, allowUnionTypes: true });
addFormats(ajv);
ajv.addSchema(read(documentSchema));
const validate = ajv.compile(read(schemaPath));
let passed = 0;
let failed = 0;

function result(ok, what, why) {
  passed += ok ? 1 : 0;
  failed += ok ? 0 : 1;
  if (!ok)
    console.log(`FAILED: ${what}: ${why}`);
}

// The objects of which a document is made, by their path; of an array one of each form.
function* parts(value, path = []) {
  if (Array.isArray(value)) {
    const forms = new Set();
    for (const [i, element] of value.entries()) {
      const form = JSON.stringify(element !== null && typeof element === 'object' ? Object.keys(element) : typeof element);
      if (!forms.has(form))
        yield* parts(element, [...path, i]);
      forms.add(form);
    }
  } else if (value !== null && typeof value === 'object') {
    yield path;
    // What a program's own values look like is not ours to say.
    for (const [key, part] of Object.entries(value))
      if (key !== 'arguments' && key !== 'return_value')
        yield* parts(part, [...path, key]);
  }
}

// Each of the ways to spoil the object at `path`: a key that is none, and each key with another kind of value.
function spoil(text, path) {
  const at = (document) => path.reduce((part, key) => part[key], document);
  const keys = Object.keys(at(JSON.parse(text)));
  for (const key of ['no_key_of_ours', ...keys]) {
    const document = JSON.parse(text);
    at(document)[key] = { no_key_of_ours: 1 };
    result(!validate(document), `${schemaPath}: ${[...path, key].join('.')}`, 'is taken whatever it is');
  }
}

const seen = new Set();
for (const file of files) {
  for (const text of fs.readFileSync(file, 'utf8').split('\n').filter((line) => line)) {
    const document = JSON.parse(text);
    const ok = validate(document);
    result(ok, file, `${JSON.stringify(validate.errors)} in ${text.slice(0, 300)}`);
    for (const path of ok ? parts(document) : []) {
      const kind = path.filter((key) => typeof key === 'string').join('.') + Object.keys(path.reduce((p, k) => p[k], document));
      if (!seen.has(kind))
        spoil(text, path);
      seen.add(kind);
    }
  }
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed || passed === 0 ? 1 : 0;
