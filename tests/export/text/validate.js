// SPDX-License-Identifier: MIT
//
// node validate.js SCHEMA DOCUMENT... : says of each whether ajv finds it valid.
'use strict';

const fs = require('node:fs');
const Ajv = require('ajv');

const [schema, ...documents] = process.argv.slice(2);
const validate = new Ajv({ allErrors: false, strict: false }).compile(JSON.parse(fs.readFileSync(schema)));
for (const name of documents) {
  if (validate(JSON.parse(fs.readFileSync(name))))
    console.log(`valid ${name}`);
  else
    console.log(`invalid ${name}: ${JSON.stringify(validate.errors[0])}`);
}
