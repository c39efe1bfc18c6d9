// npm install @anthropic-ai/sdk
import Anthropic from "@anthropic-ai/sdk";

const client = new Anthropic({ baseURL: {{root_url}}, authToken: {{key}} });
const stream = client.messages.stream({
  model: {{model}},
  max_tokens: {{max_tokens}},
  messages: [{ role: "user", content: {{prompt}} }],
});
stream.on("text", (text) => process.stdout.write(text));
await stream.finalMessage();
console.log();
