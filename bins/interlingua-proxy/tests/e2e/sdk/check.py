"""The official SDKs for Python as strict clients of one protocol, with their types enforced.

Arguments: the protocol, then words for what not to check. Prints one JSON line for each check: its name,
whether it passed, and why not. The name stands in the prompt, so that the upstream knows what to say.
"""

import json
import os
import sys
import traceback

import anthropic
import openai

protocol, *left_out = sys.argv[1:]
root, model, key = os.environ["BASE_URL"], os.environ["MODEL"], os.environ["API_KEY"]
options = {"api_key": key, "max_retries": 0, "timeout": 30, "_strict_response_validation": True}
OPENAI = openai.OpenAI(base_url=root + "/v1", **options)
ANTHROPIC = anthropic.Anthropic(base_url=root, **options)

SCHEMA = {"type": "object", "properties": {"word": {"type": "string"}}, "required": ["word"]}
CHAT_TOOLS = [{"type": "function", "function": {"name": "lookup", "parameters": SCHEMA}}]
RESPONSES_TOOLS = [{"type": "function", "name": "lookup", "parameters": SCHEMA, "strict": False}]
MESSAGES_TOOLS = [{"name": "lookup", "input_schema": SCHEMA}]
PICTURE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="


def need(condition, why):
    if not condition:
        raise AssertionError(why)


def prompt(name):
    return [{"role": "user", "content": f"[[{name}]] go on"}]


def word(arguments):
    """What a tool is asked for, whether its arguments come as text or parsed."""
    parsed = json.loads(arguments) if isinstance(arguments, str) else arguments
    need(parsed.get("word", "").startswith("gate"), f"arguments arrived damaged: {arguments!r}")
    return parsed["word"] + ": a way in"


CHECKS = {}


def check(function):
    CHECKS[function.__name__.replace("__", ".")] = function
    return function


# ------------------------------------------------------------------------------------------------ chat


def chat(name, messages, stream, **more):
    more.setdefault("tools", CHAT_TOOLS)
    if not stream:
        return OPENAI.chat.completions.create(model=model, messages=messages, **more)
    with OPENAI.chat.completions.stream(
        model=model, messages=messages, stream_options={"include_usage": True}, **more
    ) as events:
        kinds = {event.type for event in events}
        need("chunk" in kinds, f"events {kinds}")
        return events.get_final_completion()


def chat_loop(name, stream, keeps_thought):
    messages = prompt(name)
    for _ in range(4):
        choice = chat(name, messages, stream).choices[0]
        calls = choice.message.tool_calls or []
        need(len({call.id for call in calls}) == len(calls), "two calls share an id")
        sent = {"role": "assistant", "content": choice.message.content}
        thought = (choice.message.model_extra or {}).get("reasoning_content")
        need(thought, "no reasoning_content")
        if keeps_thought:
            sent["reasoning_content"] = thought
        if not calls:
            need(choice.finish_reason == "stop", f"finish_reason {choice.finish_reason}")
            return choice.message.content
        need(choice.finish_reason == "tool_calls", f"finish_reason {choice.finish_reason}")
        sent["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.function.name, "arguments": call.function.arguments},
            }
            for call in calls
        ]
        messages.append(sent)
        for call in calls:
            need(call.function.name == "lookup", f"name {call.function.name}")
            result = word(call.function.arguments)
            messages.append({"role": "tool", "tool_call_id": call.id, "content": result})
    raise AssertionError("the loop does not end")


@check
def chat__whole():
    answer = chat("chat.whole", prompt("chat.whole"), False)
    need(answer.choices[0].message.content == "A way in.", answer)
    usage = answer.usage
    need(usage.total_tokens == usage.prompt_tokens + usage.completion_tokens == 70, usage)


@check
def chat__stream():
    answer = chat("chat.stream", prompt("chat.stream"), True)
    need(answer.choices[0].message.content == "A way in.", answer)
    need(answer.usage and answer.usage.total_tokens == 70, answer.usage)
    need(answer.id and answer.created and answer.model, answer)


@check
def chat__loop():
    need(chat_loop("chat.loop", True, True) == "A way in.", "the final text")


@check
def chat__loop_whole():
    need(chat_loop("chat.loop_whole", False, True) == "A way in.", "the final text")


@check
def chat__loop_forgetful():
    need(chat_loop("chat.loop_forgetful", True, False) == "A way in.", "the final text")


@check
def chat__loop_forgetful_whole():
    need(chat_loop("chat.loop_forgetful_whole", False, False) == "A way in.", "the final text")


@check
def chat__parallel():
    calls = chat("chat.parallel", prompt("chat.parallel"), True).choices[0].message.tool_calls
    need(len(calls) == 2 and calls[0].id != calls[1].id, calls)
    for call in calls:
        word(call.function.arguments)


@check
def chat__no_usage_unless_asked():
    stream = OPENAI.chat.completions.create(
        model=model, messages=prompt("chat.no_usage_unless_asked"), stream=True
    )
    need(all(chunk.choices for chunk in stream), "a chunk without choices")


@check
def chat__image():
    url = {"url": f"data:image/png;base64,{PICTURE}"}
    content = [{"type": "text", "text": "[[chat.image]]"}, {"type": "image_url", "image_url": url}]
    answer = chat("chat.image", [{"role": "user", "content": content}], False)
    need(answer.choices[0].message.content == "One picture.", answer)


@check
def chat__length():
    answer = chat("chat.length", prompt("chat.length"), False)
    need(answer.choices[0].finish_reason == "length", answer)


@check
def chat__models():
    need(model in [listed.id for listed in OPENAI.models.list()], "the model is not listed")


# ------------------------------------------------------------------------------------------- responses


def responses(items, stream, **more):
    more.update(model=model, input=items, tools=RESPONSES_TOOLS, store=False)
    more["include"] = ["reasoning.encrypted_content"]
    if not stream:
        return OPENAI.responses.create(**more)
    with OPENAI.responses.stream(**more) as events:
        numbers = [event.sequence_number for event in events]
        need(numbers == list(range(len(numbers))), f"sequence numbers {numbers}")
        return events.get_final_response()


def responses_loop(name, stream):
    items = prompt(name)
    for _ in range(4):
        answer = responses(items, stream)
        need(answer.status == "completed", answer.status)
        for item in answer.output:
            need(item.type != "reasoning" or item.encrypted_content, "thought without content")
        items += [
            item.model_dump(exclude_none=True, exclude={"parsed_arguments"})
            for item in answer.output
        ]
        calls = [item for item in answer.output if item.type == "function_call"]
        if not calls:
            return answer.output_text
        for call in calls:
            result = word(call.arguments)
            items.append(
                {"type": "function_call_output", "call_id": call.call_id, "output": result}
            )
    raise AssertionError("the loop does not end")


@check
def responses__whole():
    answer = responses(prompt("responses.whole"), False)
    need(answer.output_text == "A way in.", answer)
    need(answer.usage.total_tokens == 70, answer.usage)


@check
def responses__stream():
    answer = responses(prompt("responses.stream"), True)
    need([item.type for item in answer.output] == ["reasoning", "message"], answer)
    need(answer.output_text == "A way in.", answer)
    need(answer.usage.total_tokens == 70, answer.usage)


@check
def responses__loop():
    need(responses_loop("responses.loop", True) == "A way in.", "the final text")


@check
def responses__loop_whole():
    need(responses_loop("responses.loop_whole", False) == "A way in.", "the final text")


@check
def responses__parallel():
    answer = responses(prompt("responses.parallel"), True)
    calls = [item for item in answer.output if item.type == "function_call"]
    need(len(calls) == 2 and calls[0].call_id != calls[1].call_id, calls)
    for call in calls:
        word(call.arguments)


@check
def responses__image():
    content = [
        {"type": "input_text", "text": "[[responses.image]]"},
        {
            "type": "input_image",
            "image_url": f"data:image/png;base64,{PICTURE}",
            "detail": "auto",
        },
    ]
    answer = responses([{"role": "user", "content": content}], False)
    need(answer.output_text == "One picture.", answer)


@check
def responses__length():
    answer = responses(prompt("responses.length"), False)
    need(answer.status == "incomplete" and answer.incomplete_details.reason, answer)


@check
def responses__models():
    need(model in [listed.id for listed in OPENAI.models.list()], "the model is not listed")


# -------------------------------------------------------------------------------------------- messages


def messages(history, stream, **more):
    more.update(model=model, messages=history, max_tokens=4000, tools=MESSAGES_TOOLS)
    more["thinking"] = {"type": "enabled", "budget_tokens": 2000}
    if not stream:
        return ANTHROPIC.messages.create(**more)
    with ANTHROPIC.messages.stream(**more) as events:
        for _ in events:
            pass
        return events.get_final_message()


FIELDS = {"type", "text", "thinking", "signature", "data", "id", "name", "input"}


def messages_loop(name, stream):
    history = prompt(name)
    for _ in range(4):
        answer = messages(history, stream)
        for block in answer.content:
            need(block.type != "thinking" or block.signature, "thought without a signature")
        sent = [block.model_dump(exclude_none=True, include=FIELDS) for block in answer.content]
        history.append({"role": "assistant", "content": sent})
        calls = [block for block in answer.content if block.type == "tool_use"]
        if not calls:
            need(answer.stop_reason == "end_turn", answer.stop_reason)
            return answer.content[-1].text
        need(answer.stop_reason == "tool_use", answer.stop_reason)
        results = [
            {"type": "tool_result", "tool_use_id": call.id, "content": word(call.input)}
            for call in calls
        ]
        history.append({"role": "user", "content": results})
    raise AssertionError("the loop does not end")


@check
def messages__whole():
    answer = messages(prompt("messages.whole"), False)
    need([block.type for block in answer.content] == ["thinking", "text"], answer)
    need(answer.content[1].text == "A way in." and answer.stop_reason == "end_turn", answer)
    need(answer.usage.input_tokens == 50 and answer.usage.output_tokens == 20, answer.usage)


@check
def messages__stream():
    answer = messages(prompt("messages.stream"), True)
    need([block.type for block in answer.content] == ["thinking", "text"], answer)
    need(answer.content[0].signature, "thought without a signature")
    need(answer.usage.input_tokens == 50 and answer.usage.output_tokens == 20, answer.usage)


@check
def messages__loop():
    need(messages_loop("messages.loop", True) == "A way in.", "the final text")


@check
def messages__loop_whole():
    need(messages_loop("messages.loop_whole", False) == "A way in.", "the final text")


@check
def messages__parallel():
    answer = messages(prompt("messages.parallel"), True)
    calls = [block for block in answer.content if block.type == "tool_use"]
    need(len(calls) == 2 and calls[0].id != calls[1].id, calls)
    for call in calls:
        word(call.input)


@check
def messages__image():
    source = {"type": "base64", "media_type": "image/png", "data": PICTURE}
    content = [{"type": "text", "text": "[[messages.image]]"}, {"type": "image", "source": source}]
    answer = messages([{"role": "user", "content": content}], False)
    need(answer.content[-1].text == "One picture.", answer)


@check
def messages__length():
    answer = messages(prompt("messages.length"), False)
    need(answer.stop_reason == "max_tokens", answer)


@check
def messages__beta():
    with ANTHROPIC.beta.messages.stream(
        model=model,
        max_tokens=4000,
        messages=prompt("messages.beta") + [{"role": "system", "content": "It is Monday."}],
        betas=["interleaved-thinking-2025-05-14"],
    ) as events:
        for _ in events:
            pass
        need(events.get_final_message().content[-1].text == "A way in.", "the final text")


@check
def messages__count_tokens():
    counted = ANTHROPIC.messages.count_tokens(model=model, messages=prompt("count"))
    need(counted.input_tokens > 0, counted)


@check
def messages__models():
    need([listed.id for listed in ANTHROPIC.models.list(limit=1000)], "no model is listed")


# ---------------------------------------------------------------------------------------------- errors


def ask(name, stream):
    if protocol == "chat":
        return OPENAI.chat.completions.create(model=model, messages=prompt(name), stream=stream)
    if protocol == "responses":
        return OPENAI.responses.create(model=model, input=prompt(name), stream=stream)
    return ANTHROPIC.messages.create(
        model=model, max_tokens=100, messages=prompt(name), stream=stream
    )


def refused(status):
    sdk = anthropic if protocol == "messages" else openai
    for stream in (False, True):
        try:
            answer = ask(f"{protocol}.error.{status}", stream)
            need(not stream or not list(answer), "an answer came")
            raise AssertionError("nothing was raised")
        except sdk.APIStatusError as error:
            # What goes wrong behind a gateway may be told as a 502.
            same = error.status_code == status or (status >= 500 and error.status_code >= 500)
            need(same, f"status {error.status_code}, stream {stream}")
            body = error.body
            if protocol == "messages":
                need(body["type"] == "error" and body["error"]["type"], body)
                body = body["error"]
            need(body["message"], body)
            if status == 429:
                need(error.response.headers.get("retry-after"), "no retry-after")


def broken():
    """Half an answer came, and it does not look whole."""
    sdk = anthropic if protocol == "messages" else openai
    last = None
    try:
        for event in ask(f"{protocol}.broken", True):
            last = event
    except sdk.APIError:
        need(last is not None, "nothing came before the error")
        return
    need(getattr(last, "type", None) == "response.failed", f"half an answer looks whole: {last}")


for status in (400, 404, 429, 500, 529):
    CHECKS[f"{protocol}.error.{status}"] = lambda status=status: refused(status)
CHECKS[f"{protocol}.broken"] = broken

for name, function in CHECKS.items():
    if not name.startswith(protocol) or any(part in name for part in left_out):
        continue
    try:
        function()
        print(json.dumps({"check": name, "ok": True}), flush=True)
    except Exception as error:
        line = traceback.extract_tb(error.__traceback__)[-1].lineno
        why = f"{type(error).__name__}: {error} (line {line})"
        print(json.dumps({"check": name, "ok": False, "why": why[:2000]}), flush=True)
