# pip install anthropic
{{os}}

from anthropic import Anthropic

client = Anthropic(base_url={{root_url}}, auth_token={{key}})
with client.messages.stream(
    model={{model}},
    max_tokens={{max_tokens}},
    messages=[{"role": "user", "content": {{prompt}}}],
) as stream:
    for text in stream.text_stream:
        print(text, end="", flush=True)
print()
