"""Agent loops over Chat Completions, as programs on the official SDK have them.

The model behind it notices when a thought is not passed back, or passed to the wrong conversation, and
refuses; any error fails the check. Prints one JSON line for each check.
"""

import json
import os

import openai

root, model, key = os.environ["BASE_URL"], os.environ["MODEL"], os.environ["API_KEY"]
client = openai.OpenAI(base_url=root + "/v1", api_key=key, max_retries=0, timeout=30)
SCHEMA = {"type": "object", "properties": {"value": {"type": "string"}}}
TOOLS = [{"type": "function", "function": {"name": "read", "parameters": SCHEMA}}]


class Conversation:
    """A history and the next step of it; whoever asks decides when."""

    def __init__(self, nonce, keeps_thought):
        self.keeps_thought = keeps_thought
        self.messages = []
        self.rounds = 0
        self.say(f"begin [[{nonce}]]")

    def say(self, text):
        self.done = False
        self.messages.append({"role": "user", "content": f"User: {text}"})

    def step(self):
        self.rounds += 1
        if self.rounds % 2:
            with client.chat.completions.stream(
                model=model, messages=self.messages, tools=TOOLS
            ) as events:
                for _ in events:
                    pass
                message = events.get_final_completion().choices[0].message
        else:
            answer = client.chat.completions.create(
                model=model, messages=self.messages, tools=TOOLS
            )
            message = answer.choices[0].message
        sent = {"role": "assistant", "content": message.content or ""}
        thought = (message.model_extra or {}).get("reasoning_content")
        if self.keeps_thought and thought:
            sent["reasoning_content"] = thought
        calls = message.tool_calls or []
        if calls:
            sent["tool_calls"] = [
                {
                    "id": call.id,
                    "type": "function",
                    "function": {
                        "name": call.function.name,
                        "arguments": call.function.arguments,
                    },
                }
                for call in calls
            ]
        self.messages.append(sent)
        for call in calls:
            value = json.loads(call.function.arguments)["value"]
            result = {"role": "tool", "tool_call_id": call.id, "content": f"content of {value}"}
            self.messages.append(result)
        self.done = not calls

    def run(self):
        while not self.done:
            self.step()


def keeping():
    for number in range(5):
        conversation = Conversation(f"keeping-{number}", True)
        conversation.run()
        conversation.say("go on")
        conversation.run()


def forgetting():
    for number in range(5):
        conversation = Conversation(f"forgetting-{number}", False)
        conversation.run()
        conversation.say("go on")
        conversation.run()


def interleaved():
    """Equal texts and ids, but for the first message."""
    pair = [Conversation(f"interleaved-{name}", False) for name in "ab"]
    for _ in range(4):
        while not all(conversation.done for conversation in pair):
            for conversation in pair:
                if not conversation.done:
                    conversation.step()
        for conversation in pair:
            conversation.say("go on")


def edited():
    """An answer is asked for again, and what was said is said otherwise."""
    conversation = Conversation("edited", False)
    conversation.run()
    for number in range(4):
        begin = len(conversation.messages)
        conversation.say("go on")
        conversation.run()
        del conversation.messages[begin + 1 :]
        conversation.done = False
        conversation.run()
        if number % 2:
            del conversation.messages[begin:]
            conversation.say("go on, but otherwise")
            conversation.run()


for check in (keeping, forgetting, interleaved, edited):
    try:
        check()
        print(json.dumps({"check": check.__name__, "ok": True}), flush=True)
    except Exception as error:
        why = f"{type(error).__name__}: {error}"
        print(json.dumps({"check": check.__name__, "ok": False, "why": why[:2000]}), flush=True)
