"""The stream helpers of the official SDKs for Python read every recording, with their types enforced.

Arguments: the protocol, and the file that says what the recordings mean. Prints one JSON line for each.
"""

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor

import anthropic
import openai

protocol, table = sys.argv[1:]
root, key = os.environ["BASE_URL"], os.environ["API_KEY"]
options = {"api_key": key, "max_retries": 0, "timeout": 60, "_strict_response_validation": True}
OPENAI = openai.OpenAI(base_url=root + "/v1", **options)
ANTHROPIC = anthropic.Anthropic(base_url=root, **options)

SCHEMA = {"type": "object", "properties": {}}
ASKED = [{"role": "user", "content": "go on"}]


def need(condition, why):
    if not condition:
        raise AssertionError(why)


def chat(model):
    tools = [{"type": "function", "function": {"name": "shell", "parameters": SCHEMA}}]
    asked = {"model": model, "messages": ASKED, "tools": tools}
    if "custom" in model:
        return custom_chat(asked)
    try:
        with OPENAI.chat.completions.stream(
            **asked, stream_options={"include_usage": True}
        ) as events:
            for _ in events:
                pass
            answer = events.get_final_completion()
    except openai.LengthFinishReasonError as cut:
        # The helper tells so of every answer that reached its limit where tools were offered.
        answer = cut.completion
    choice = answer.choices[0]
    calls = [
        (call.function.name, call.function.arguments) for call in choice.message.tool_calls or []
    ]
    return choice.message.content or "", calls, choice.finish_reason


def custom_chat(asked):
    """The helper's types know no custom tools, though the API has them; so chunks are joined here."""
    client = openai.OpenAI(base_url=root + "/v1", api_key=key, max_retries=0, timeout=60)
    text, calls, finish = "", [], None
    for chunk in client.chat.completions.create(**asked, stream=True):
        for choice in chunk.to_dict()["choices"]:
            text += choice["delta"].get("content") or ""
            finish = choice["finish_reason"] or finish
            for call in choice["delta"].get("tool_calls") or []:
                if call["index"] == len(calls):
                    calls.append((call["custom"]["name"], ""))
                name, said = calls[call["index"]]
                calls[call["index"]] = (name, said + call["custom"]["input"])
    return text, calls, finish


def responses(model):
    tools = [{"type": "function", "name": "shell", "parameters": SCHEMA, "strict": False}]
    with OPENAI.responses.stream(model=model, input=ASKED, tools=tools, store=False) as events:
        for event in events:
            last = event
    # The helper keeps no final response of an answer that did not complete.
    answer = last.response
    need(answer.status != "failed", answer.error)
    calls = [
        (item.name, item.arguments if item.type == "function_call" else item.input)
        for item in answer.output
        if item.type in ("function_call", "custom_tool_call")
    ]
    finish = "tool_calls" if calls else "stop"
    return answer.output_text, calls, finish if answer.status == "completed" else "length"


def messages(model):
    tools = [{"name": "shell", "input_schema": SCHEMA}]
    with ANTHROPIC.messages.stream(
        model=model, messages=ASKED, tools=tools, max_tokens=4000
    ) as events:
        for _ in events:
            pass
        answer = events.get_final_message()
    text = "".join(block.text for block in answer.content if block.type == "text")
    calls = [(block.name, block.input) for block in answer.content if block.type == "tool_use"]
    finish = {"end_turn": "stop", "tool_use": "tool_calls", "max_tokens": "length"}
    return text, calls, finish[answer.stop_reason]


ASK = {"chat": chat, "responses": responses, "messages": messages}[protocol]


def given(call):
    """The input of a call as this protocol shows it."""
    if "input" in call:
        return {"input": call["input"]} if protocol == "messages" else call["input"]
    return json.loads(call["arguments"]) if protocol == "messages" else call["arguments"]


def check(name, expected):
    model = f"{expected['provider']}/of-{name.removesuffix('.sse')}"
    if expected.get("error_class"):
        try:
            answer = ASK(model)
        except Exception:
            return
        raise AssertionError(f"a failed answer looks whole: {answer}")
    text, calls, finish = ASK(model)
    need(text == expected["text"], f"text {text!r}")
    wanted = [(call["name"], given(call)) for call in expected["tool_calls"]]
    need(calls == wanted, f"calls {calls}")
    need(finish == expected["finish"].replace("tool_use", "tool_calls"), f"finish {finish}")


def report(entry):
    name, expected = entry
    told = {"check": f"{protocol}.{name}", "ok": True}
    try:
        check(name, expected)
    except Exception as error:
        told.update(ok=False, why=f"{type(error).__name__}: {error}"[:2000])
    return json.dumps(told)


with open(table) as file:
    entries = json.load(file).items()
with ThreadPoolExecutor(8) as workers:
    for line in workers.map(report, entries):
        print(line, flush=True)
