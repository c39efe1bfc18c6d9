// npm install openai
import OpenAI from "openai";

const client = new OpenAI({ baseURL: {{base_url}}, apiKey: {{key}} });
const stream = await client.chat.completions.create({
  model: {{model}},
  messages: [{ role: "user", content: {{prompt}} }],
  stream: true,
});
for await (const chunk of stream) {
  process.stdout.write(chunk.choices[0]?.delta?.content ?? "");
}
console.log();
