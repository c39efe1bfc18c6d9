# pip install openai
{{os}}

from openai import OpenAI

client = OpenAI(base_url={{base_url}}, api_key={{key}})
stream = client.chat.completions.create(
    model={{model}},
    messages=[{"role": "user", "content": {{prompt}}}],
    stream=True,
)
for chunk in stream:
    if chunk.choices and chunk.choices[0].delta.content:
        print(chunk.choices[0].delta.content, end="", flush=True)
print()
