"""The official OpenAI SDK, with its types enforced: a whole answer, a tool loop over streams, and
a conversation that is replaced by its summary.

Prints what it got as JSON. Every event and every response is checked by the SDK's own types.
"""

import json
import sys

from openai import OpenAI

base_url, model = sys.argv[1:]
client = OpenAI(
    base_url=base_url,
    api_key="interlingua-local",
    max_retries=0,
    _strict_response_validation=True,
)
TOOL = {
    "type": "function",
    "name": "lookup",
    "description": "Looks a word up.",
    "parameters": {"type": "object", "properties": {"word": {"type": "string"}}},
    "strict": False,
}

whole = client.responses.create(model=model, input="Say hi.")

history = [{"role": "user", "content": "What does gateway mean?"}]
events = []
for _ in range(4):
    with client.responses.stream(model=model, input=history, tools=[TOOL]) as stream:
        for event in stream:
            events.append(event.type)
        answer = stream.get_final_response()
    # As any loop on the SDK does: all of the answer goes back, thoughts included.
    history += [item.model_dump(exclude_none=True, exclude={"parsed_arguments"}) for item in answer.output]
    calls = [item for item in answer.output if item.type == "function_call"]
    for call in calls:
        word = json.loads(call.arguments)["word"]
        result = {"type": "function_call_output", "call_id": call.call_id, "output": f"{word}: a way in"}
        history.append(result)
    if not calls:
        break

compacted = client.responses.compact(model=model, input=history)
summary = [item.model_dump(exclude_none=True) for item in compacted.output]
after = client.responses.create(model=model, input=summary + [{"role": "user", "content": "And now?"}])

print(
    json.dumps(
        {
            "whole": whole.output_text,
            "final": answer.output_text,
            "events": sorted(set(events)),
            "compacted": [item.type for item in compacted.output],
            "after": after.output_text,
        }
    )
)
