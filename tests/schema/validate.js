// SPDX-License-Identifier: MIT
//
// Validate documents against the JSON schema, with ajv, in strict mode.
//
//   node validate.js SCHEMA DOCUMENT...           each must be valid
//   node validate.js --reject SCHEMA DOCUMENT     no schema is worth much that takes anything:
//                                                 each of some spoiled copies must be refused
'use strict';

const fs = require('node:fs');
const addFormats = require('ajv-formats');

// Ways to spoil a good document; each returns the part it touched, or undefined
// when the document has no such part.
const spoilings = {
  'metadata is missing': (d) => delete d.metadata,
  'call_trees is an object': (d) => { d.call_trees = {}; return true; },
  'total_calls is text': (d) => { d.metadata.total_calls = '7'; return true; },
  'total_calls is negative': (d) => { d.metadata.total_calls = -1; return true; },
  'command_line is one string': (d) => { d.metadata.process.command_line = 'a b'; return true; },
  'start_time is not a time': (d) => { d.metadata.start_time = 'yesterday'; return true; },
  'a call has no function': (d) => delete d.call_trees[0].root_calls[0].function,
  'a call has no duration_ns': (d) => delete d.call_trees[0].root_calls[0].duration_ns,
  'unfinished is an unknown word': (d) => {
    d.call_trees[0].root_calls[0].duration_ns = null;
    d.call_trees[0].root_calls[0].unfinished = 'bored';
    return true;
  },
  'an argument has no name': (d) => delete d.call_trees[0].root_calls[0].arguments[0].name,
  'an argument has no value': (d) => delete d.call_trees[0].root_calls[0].arguments[0].value,
  'an argument has a value and a reason for none': (d) => {
    d.call_trees[0].root_calls[0].arguments[0].why = 'unreadable';
    return true;
  },
  'an argument has a key that is none': (d) => {
    d.call_trees[0].root_calls[0].arguments[0].size = 4;
    return true;
  },
  'a reason is an unknown word': (d) => {
    const value = d.call_trees[0].root_calls[0].return_value;
    value.value = null;
    value.why = 'forgotten';
    return true;
  },
  'a call that never returned has a return value': (d) => {
    const call = d.call_trees[0].root_calls[0];
    call.duration_ns = null;
    call.unfinished = 'exit';
    return true;
  },
  'capturing has no limits': (d) => delete d.metadata.config.arguments.max_string,
  'a row of the statistics has no calls': (d) => delete d.statistics[0].calls,
};

function compile(path) {
  const schema = JSON.parse(fs.readFileSync(path, 'utf8'));
  const draft = String(schema.$schema);
  const Ajv = draft.includes('2020-12') ? require('ajv/dist/2020')
    : draft.includes('2019-09') ? require('ajv/dist/2019') : require('ajv');
  const ajv = new Ajv({ strict: true, strictRequired: false, allErrors: false, allowUnionTypes: true });
  addFormats(ajv);
  return ajv.compile(schema);
}

const args = process.argv.slice(2);
const reject = args[0] === '--reject' && args.shift();
const [schemaPath, ...documents] = args;
const validate = compile(schemaPath);
let passed = 0;
let failed = 0;

function result(ok, what, why) {
  if (ok) {
    passed += 1;
  } else {
    failed += 1;
    console.log(`FAILED: ${what}: ${why}`);
  }
}

for (const path of documents) {
  const text = fs.readFileSync(path, 'utf8');
  if (!reject) {
    const ok = validate(JSON.parse(text));
    result(ok, path, JSON.stringify(validate.errors, null, 2));
    continue;
  }
  for (const [name, spoil] of Object.entries(spoilings)) {
    const document = JSON.parse(text);
    spoil(document);
    result(!validate(document), `${path}, ${name}`, 'was accepted');
  }
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed || passed === 0 ? 1 : 0;
