# pip install openai
{{os}}

from openai import OpenAI

client = OpenAI(base_url={{base_url}}, api_key={{key}})
with client.responses.stream(model={{model}}, input={{prompt}}) as stream:
    for event in stream:
        if event.type == "response.output_text.delta":
            print(event.delta, end="", flush=True)
print()
