// SPDX-License-Identifier: MIT
//
// What TracerBench's model of Chrome's traces has of a file: the calls by process, thread and parent.
//
//   node chrome.js FILE    prints [{"pid", "thread", "name", "start", "duration", "parent", "args"}], times in ns
'use strict';

const fs = require('node:fs');
const { buildModel } = require('@tracerbench/trace-model');

const ns = (us) => Math.round(us * 1000);
const calls = [];
const trace = JSON.parse(fs.readFileSync(process.argv[2], 'utf8'));
// Ends and metadata need no category by the format's description; the model wants what Chromium writes.
for (const event of trace.traceEvents)
  event.cat ??= '';
const model = buildModel(trace);
for (const owner of model.processes) {
  for (const thread of owner.threads) {
    for (const event of thread.events.filter((each) => each.isComplete())) {
      calls.push({
        pid: owner.id, thread: thread.name, name: event.name, start: ns(event.start), duration: ns(event.duration),
        parent: event.parent ? event.parent.name : null, args: event.args || {},
      });
    }
  }
}
console.log(JSON.stringify(calls));
