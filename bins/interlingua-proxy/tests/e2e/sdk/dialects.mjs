// The stream helpers of the official SDKs for Node read every recording.
//
// Arguments: the protocol, and the file that says what the recordings mean. Prints one JSON line for each.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const [protocol, table] = process.argv.slice(2);
const { BASE_URL: root, API_KEY: apiKey, SDK_DIR: folder } = process.env;
const require = createRequire(`${folder}/package.json`);
const load = async (name) => import(pathToFileURL(require.resolve(name)).href);
const { OpenAI } = await load('openai');
const { Anthropic } = await load('@anthropic-ai/sdk');
const openai = new OpenAI({ baseURL: `${root}/v1`, apiKey, maxRetries: 0, timeout: 60_000 });
const anthropic = new Anthropic({ baseURL: root, apiKey, maxRetries: 0, timeout: 60_000 });
// The stream helpers reject promises that nobody waits for, besides the one that is waited for.
process.on('unhandledRejection', () => {});

const SCHEMA = { type: 'object', properties: {} };
const ASKED = [{ role: 'user', content: 'go on' }];
const need = (condition, why) => {
  if (!condition) throw new Error(typeof why === 'string' ? why : JSON.stringify(why));
};
const quiet = (stream) => {
  stream.on('error', () => {});
  return stream;
};

const chat = async (model) => {
  const tools = [{ type: 'function', function: { name: 'shell', parameters: SCHEMA } }];
  const asked = { model, messages: ASKED, tools, stream_options: { include_usage: true } };
  const answer = await quiet(openai.chat.completions.stream(asked)).finalChatCompletion();
  const [{ message, finish_reason: finish }] = answer.choices;
  const calls = (message.tool_calls ?? []).map((call) =>
    call.type === 'function'
      ? [call.function.name, call.function.arguments]
      : [call.custom.name, call.custom.input],
  );
  return { text: message.content ?? '', calls, finish };
};

const responses = async (model) => {
  const tools = [{ type: 'function', name: 'shell', parameters: SCHEMA, strict: false }];
  const asked = { model, input: ASKED, tools, store: false };
  const answer = await quiet(openai.responses.stream(asked)).finalResponse();
  need(answer.status !== 'failed', answer.error);
  const calls = answer.output
    .filter(({ type }) => ['function_call', 'custom_tool_call'].includes(type))
    .map((item) => [item.name, item.type === 'function_call' ? item.arguments : item.input]);
  const whole = calls.length ? 'tool_calls' : 'stop';
  const finish = answer.status === 'completed' ? whole : 'length';
  return { text: answer.output_text, calls, finish };
};

const messages = async (model) => {
  const tools = [{ name: 'shell', input_schema: SCHEMA }];
  const asked = { model, messages: ASKED, tools, max_tokens: 4000 };
  const { content, stop_reason } = await quiet(anthropic.messages.stream(asked)).finalMessage();
  const of = (kind) => content.filter(({ type }) => type === kind);
  const finish = { end_turn: 'stop', tool_use: 'tool_calls', max_tokens: 'length' }[stop_reason];
  const calls = of('tool_use').map(({ name, input }) => [name, input]);
  return { text: of('text').map(({ text }) => text).join(''), calls, finish };
};

const ask = { chat, responses, messages }[protocol];

// The input of a call as this protocol shows it.
const given = (call) => {
  if ('input' in call) return protocol === 'messages' ? { input: call.input } : call.input;
  return protocol === 'messages' ? JSON.parse(call.arguments) : call.arguments;
};

const check = async (name, expected) => {
  const model = `${expected.provider}/of-${name.replace(/\.sse$/, '')}`;
  if (expected.error_class) {
    const answer = await ask(model).catch(() => undefined);
    return need(!answer, `a failed answer looks whole: ${JSON.stringify(answer)}`);
  }
  const { text, calls, finish } = await ask(model);
  need(text === expected.text, `text ${JSON.stringify(text)}`);
  const wanted = expected.tool_calls.map((call) => [call.name, given(call)]);
  need(JSON.stringify(calls) === JSON.stringify(wanted), `calls ${JSON.stringify(calls)}`);
  need(finish === expected.finish.replace('tool_use', 'tool_calls'), `finish ${finish}`);
};

const entries = Object.entries(JSON.parse(readFileSync(table, 'utf8')));
const work = async () => {
  for (let entry = entries.shift(); entry; entry = entries.shift()) {
    const [name, expected] = entry;
    const told = { check: `${protocol}.${name}`, ok: true };
    try {
      await check(name, expected);
    } catch (error) {
      Object.assign(told, { ok: false, why: `${error.constructor.name}: ${error.message}`.slice(0, 2000) });
    }
    console.log(JSON.stringify(told));
  }
};
await Promise.all(Array.from({ length: 8 }, work));
process.exit(0);
