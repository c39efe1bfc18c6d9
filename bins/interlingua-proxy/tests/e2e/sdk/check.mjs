// The official SDKs for Node as strict clients of one protocol.
//
// Arguments: the protocol, then words for what not to check. Prints one JSON line for each check: its
// name, whether it passed, and why not. The name stands in the prompt, so that the upstream knows what
// to say.
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const [protocol, ...leftOut] = process.argv.slice(2);
const { BASE_URL: root, MODEL: model, API_KEY: apiKey, SDK_DIR: folder } = process.env;
const require = createRequire(`${folder}/package.json`);
const load = async (name) => import(pathToFileURL(require.resolve(name)).href);
const { OpenAI } = await load('openai');
const { Anthropic } = await load('@anthropic-ai/sdk');
const openai = new OpenAI({ baseURL: `${root}/v1`, apiKey, maxRetries: 0, timeout: 30_000 });
const anthropic = new Anthropic({ baseURL: root, apiKey, maxRetries: 0, timeout: 30_000 });
// The stream helpers reject promises that nobody waits for, besides the one that is waited for.
process.on('unhandledRejection', () => {});

const SCHEMA = { type: 'object', properties: { word: { type: 'string' } }, required: ['word'] };
const CHAT_TOOLS = [{ type: 'function', function: { name: 'lookup', parameters: SCHEMA } }];
const RESPONSES_TOOLS = [{ type: 'function', name: 'lookup', parameters: SCHEMA, strict: false }];
const MESSAGES_TOOLS = [{ name: 'lookup', input_schema: SCHEMA }];

const need = (condition, why) => {
  if (!condition) throw new Error(typeof why === 'string' ? why : JSON.stringify(why));
};
const prompt = (name) => [{ role: 'user', content: `[[${name}]] go on` }];
// What a tool is asked for, whether its arguments come as text or parsed.
const word = (given) => {
  const parsed = typeof given === 'string' ? JSON.parse(given) : given;
  need(parsed.word?.startsWith('gate'), `arguments arrived damaged: ${JSON.stringify(given)}`);
  return `${parsed.word}: a way in`;
};
const quiet = (stream) => {
  stream.on('error', () => {});
  return stream;
};

// -- chat

const chat = (messages, stream) => {
  const body = { model, messages, tools: CHAT_TOOLS };
  if (!stream) return openai.chat.completions.create(body);
  const asked = { ...body, stream_options: { include_usage: true } };
  return quiet(openai.chat.completions.stream(asked)).finalChatCompletion();
};

// The stream helper keeps only the last piece of a field that it does not know. Who wants the whole of it
// has to join the pieces.
const chatJoined = async (messages) => {
  const stream = quiet(openai.chat.completions.stream({ model, messages, tools: CHAT_TOOLS }));
  let thought = '';
  stream.on('chunk', (chunk) => {
    thought += chunk.choices[0]?.delta.reasoning_content ?? '';
  });
  const answer = await stream.finalChatCompletion();
  answer.choices[0].message.reasoning_content = thought;
  return answer;
};

const chatLoop = async (name, stream, keepsThought) => {
  const messages = prompt(name);
  for (let round = 0; round < 4; round += 1) {
    const choice = (await (stream === 'joined' ? chatJoined(messages) : chat(messages, stream))).choices[0];
    const { content, reasoning_content, tool_calls } = choice.message;
    need(reasoning_content, 'no reasoning_content');
    if (!tool_calls?.length) {
      need(choice.finish_reason === 'stop', `finish_reason ${choice.finish_reason}`);
      return need(content === 'A way in.', content);
    }
    need(choice.finish_reason === 'tool_calls', `finish_reason ${choice.finish_reason}`);
    const calls = tool_calls.map(({ id, type, function: { name, arguments: given } }) => {
      need(name === 'lookup' && type === 'function', `call ${name}, ${type}`);
      return { id, type, function: { name, arguments: given } };
    });
    const thought = keepsThought ? { reasoning_content } : {};
    messages.push({ role: 'assistant', content, ...thought, tool_calls: calls });
    for (const call of calls) {
      const result = word(call.function.arguments);
      messages.push({ role: 'tool', tool_call_id: call.id, content: result });
    }
  }
  throw new Error('the loop does not end');
};

// -- responses

const responses = (input, stream) => {
  const include = ['reasoning.encrypted_content'];
  const body = { model, input, tools: RESPONSES_TOOLS, store: false, include };
  return stream ? quiet(openai.responses.stream(body)).finalResponse() : openai.responses.create(body);
};

const responsesLoop = async (name, stream) => {
  let input = prompt(name);
  for (let round = 0; round < 4; round += 1) {
    const answer = await responses(input, stream);
    need(answer.status === 'completed', answer.status);
    const calls = answer.output.filter((item) => item.type === 'function_call');
    if (!calls.length) return need(answer.output_text === 'A way in.', answer.output_text);
    const items = answer.output.map(({ parsed_arguments, ...item }) => item);
    const results = calls.map(({ call_id, arguments: given }) => {
      return { type: 'function_call_output', call_id, output: word(given) };
    });
    input = [...input, ...items, ...results];
  }
  throw new Error('the loop does not end');
};

// -- messages

const messages = (history, stream) => {
  const thinking = { type: 'enabled', budget_tokens: 2000 };
  const body = { model, messages: history, max_tokens: 4000, tools: MESSAGES_TOOLS, thinking };
  return stream ? quiet(anthropic.messages.stream(body)).finalMessage() : anthropic.messages.create(body);
};

const messagesLoop = async (name, stream) => {
  const history = prompt(name);
  for (let round = 0; round < 4; round += 1) {
    const answer = await messages(history, stream);
    const calls = answer.content.filter((block) => block.type === 'tool_use');
    if (!calls.length) {
      need(answer.stop_reason === 'end_turn', answer.stop_reason);
      return need(answer.content.at(-1).text === 'A way in.', answer.content);
    }
    need(answer.stop_reason === 'tool_use', answer.stop_reason);
    history.push({ role: 'assistant', content: answer.content });
    const results = calls.map((call) => {
      return { type: 'tool_result', tool_use_id: call.id, content: word(call.input) };
    });
    history.push({ role: 'user', content: results });
  }
  throw new Error('the loop does not end');
};

// -- errors

const ask = (name, stream) => {
  const messages = prompt(name);
  if (protocol === 'chat') return openai.chat.completions.create({ model, messages, stream });
  if (protocol === 'responses') return openai.responses.create({ model, input: messages, stream });
  return anthropic.messages.create({ model, max_tokens: 100, messages, stream });
};

const refused = async (status) => {
  for (const stream of [false, true]) {
    try {
      await ask(`${protocol}.error.${status}`, stream);
    } catch (error) {
      // What goes wrong behind a gateway may be told as a 502.
      const same = error.status === status || (status >= 500 && error.status >= 500);
      need(same, `status ${error.status}, stream ${stream}`);
      continue;
    }
    throw new Error(`nothing was raised, stream ${stream}`);
  }
};

// Half an answer came, and it does not look whole.
const broken = async () => {
  let last;
  try {
    for await (const event of await ask(`${protocol}.broken`, true)) last = event;
  } catch (error) {
    return need(last && error.constructor.name !== 'Error', `last ${last}, ${error.message}`);
  }
  need(last?.type === 'response.failed', `half an answer looks whole: ${JSON.stringify(last)}`);
};

const CHECKS = {
  'chat.whole': async () => {
    const answer = await chat(prompt('chat.whole'), false);
    need(answer.choices[0].message.content === 'A way in.' && answer.usage.total_tokens === 70, answer);
  },
  'chat.stream': async () => {
    const answer = await chat(prompt('chat.stream'), true);
    need(answer.choices[0].message.content === 'A way in.' && answer.usage?.total_tokens === 70, answer);
  },
  'chat.loop': () => chatLoop('chat.loop', 'joined', true),
  // What it sends back is then a fragment, and only somebody who remembers can put it right.
  'chat.loop_fragment': () => chatLoop('chat.loop_fragment', true, true),
  'chat.loop_whole': () => chatLoop('chat.loop_whole', false, true),
  'chat.loop_forgetful': () => chatLoop('chat.loop_forgetful', true, false),
  'chat.loop_forgetful_whole': () => chatLoop('chat.loop_forgetful_whole', false, false),
  'chat.parallel': async () => {
    const calls = (await chat(prompt('chat.parallel'), true)).choices[0].message.tool_calls;
    need(calls.length === 2 && calls[0].id !== calls[1].id, calls);
    calls.forEach((call) => word(call.function.arguments));
  },
  'chat.length': async () => {
    const answer = await chat(prompt('chat.length'), false);
    need(answer.choices[0].finish_reason === 'length', answer);
  },
  'responses.whole': async () => {
    const answer = await responses(prompt('responses.whole'), false);
    need(answer.output_text === 'A way in.' && answer.usage.total_tokens === 70, answer);
  },
  'responses.stream': async () => {
    const answer = await responses(prompt('responses.stream'), true);
    need(answer.output.map((item) => item.type).join() === 'reasoning,message', answer);
    need(answer.output_text === 'A way in.' && answer.usage?.total_tokens === 70, answer);
  },
  'responses.loop': () => responsesLoop('responses.loop', true),
  'responses.loop_whole': () => responsesLoop('responses.loop_whole', false),
  'responses.parallel': async () => {
    const { output } = await responses(prompt('responses.parallel'), true);
    const calls = output.filter((item) => item.type === 'function_call');
    need(calls.length === 2 && calls[0].call_id !== calls[1].call_id, calls);
    calls.forEach((call) => word(call.arguments));
  },
  'responses.length': async () => {
    const answer = await responses(prompt('responses.length'), true);
    need(answer.status === 'incomplete' && answer.incomplete_details?.reason, answer);
  },
  'messages.whole': async () => {
    const answer = await messages(prompt('messages.whole'), false);
    need(answer.content.map((block) => block.type).join() === 'thinking,text', answer);
    need(answer.usage.input_tokens === 50 && answer.usage.output_tokens === 20, answer.usage);
  },
  'messages.stream': async () => {
    const answer = await messages(prompt('messages.stream'), true);
    need(answer.content.map((block) => block.type).join() === 'thinking,text', answer);
    need(answer.content[0].signature, 'thought without a signature');
    need(answer.usage.input_tokens === 50 && answer.usage.output_tokens === 20, answer.usage);
  },
  'messages.loop': () => messagesLoop('messages.loop', true),
  'messages.loop_whole': () => messagesLoop('messages.loop_whole', false),
  'messages.parallel': async () => {
    const { content } = await messages(prompt('messages.parallel'), true);
    const calls = content.filter((block) => block.type === 'tool_use');
    need(calls.length === 2 && calls[0].id !== calls[1].id, calls);
    calls.forEach((call) => word(call.input));
  },
  'messages.length': async () => {
    const answer = await messages(prompt('messages.length'), true);
    need(answer.stop_reason === 'max_tokens', answer);
  },
  'messages.count_tokens': async () => {
    const counted = await anthropic.messages.countTokens({ model, messages: prompt('count') });
    need(counted.input_tokens > 0, counted);
  },
  'messages.models': async () => {
    const list = await anthropic.models.list({ limit: 1000 });
    need(list.data?.length, 'no model is listed');
  },
};
for (const status of [400, 404, 429, 500, 529]) {
  CHECKS[`${protocol}.error.${status}`] = () => refused(status);
}
CHECKS[`${protocol}.broken`] = broken;

for (const [name, run] of Object.entries(CHECKS)) {
  if (!name.startsWith(protocol) || leftOut.some((part) => name.includes(part))) continue;
  const late = new Promise((_, reject) => {
    setTimeout(() => reject(new Error('no end within 30 s')), 30_000).unref();
  });
  try {
    await Promise.race([run(), late]);
    console.log(JSON.stringify({ check: name, ok: true }));
  } catch (error) {
    const why = `${error.constructor.name}: ${error.message}`.slice(0, 2000);
    console.log(JSON.stringify({ check: name, ok: false, why }));
  }
}
process.exit(0);
