// npm install openai
import OpenAI from "openai";

const client = new OpenAI({ baseURL: {{base_url}}, apiKey: {{key}} });
const stream = client.responses.stream({ model: {{model}}, input: {{prompt}} });
for await (const event of stream) {
  if (event.type === "response.output_text.delta") process.stdout.write(event.delta);
}
console.log();
