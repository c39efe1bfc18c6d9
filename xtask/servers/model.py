"""Makes a tiny model with random weights, and its tokenizer and chat template: `model.py gguf|folder PATH`.

The weights are random but for one direction of the state, which is the same at every token. Through it
some tokens are made likely and others not, so that the model says short words and comes to an end.
"""

import json
import sys
from pathlib import Path

import numpy

STATE, LAYERS, HEADS, INNER, CONTEXT = 64, 2, 4, 128, 4096
# How much the model likes a word, and a mark that has to come once in a few dozen tokens.
WORD, MARK = 2.2, 2.35
PLAIN = {"<|endoftext|>": 0, "<|im_start|>": 0, "<|im_end|>": MARK}
MARKS = {"<think>": 0, "</think>": MARK, "<tool_call>": 0, "</tool_call>": 0}
WORDS = "a the cat dog tree sees likes under over and then red blue house runs sleeps 树 猫 ä é".split()
# What the model that always calls says as one token, since nothing else would make it call.
CALL = '<tool_call>\n{"name": "read", "arguments": {"value": "a.txt"}}\n</tool_call>'

# As many models have it: tools in the system message, calls and thoughts between marks, and a thought
# that the template opens unless it is told not to.
TEMPLATE = """
{%- if tools %}
{{- '<|im_start|>system\\n' }}
{%- if messages[0].role == 'system' %}{{- messages[0].content + '\\n\\n' }}{% endif %}
{{- '# Tools\\n\\n<tools>' }}
{%- for tool in tools %}{{- '\\n' }}{{- tool | tojson }}{% endfor %}
{{- '\\n</tools>\\n\\nFor each call return:\\n<tool_call>{"name": <name>, "arguments": <arguments>}</tool_call><|im_end|>\\n' }}
{%- elif messages[0].role == 'system' %}
{{- '<|im_start|>system\\n' + messages[0].content + '<|im_end|>\\n' }}
{%- endif %}
{%- for message in messages %}
{%- if message.role == 'user' or (message.role == 'system' and not loop.first) %}
{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}
{%- elif message.role == 'assistant' %}
{{- '<|im_start|>assistant\\n' }}
{%- if message.reasoning_content %}{{- '<think>\\n' + message.reasoning_content + '\\n</think>\\n\\n' }}{% endif %}
{{- message.content or '' }}
{%- for call in message.tool_calls or [] %}
{%- set call = call.function or call %}
{{- '' if loop.first else '\\n' }}{{- '<tool_call>{"name": "' + call.name + '", "arguments": ' }}
{%- if call.arguments is string %}{{- call.arguments }}{% else %}{{- call.arguments | tojson }}{% endif %}
{{- '}</tool_call>' }}
{%- endfor %}
{{- '<|im_end|>\\n' }}
{%- elif message.role == 'tool' %}
{{- '<|im_start|>user\\n<tool_response>\\n' + message.content + '\\n</tool_response><|im_end|>\\n' }}
{%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
{{- '<|im_start|>assistant\\n' }}
{%- if enable_thinking is defined and enable_thinking is false %}{{- '<think>\\n\\n</think>\\n\\n' }}
{%- else %}{{- '<think>\\n' }}{% endif %}
{%- endif %}
""".strip()


def letters():
    """The letter that stands for each byte in a vocabulary of bytes."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [byte for byte in range(256) if byte not in shown]
    return {byte: chr(byte) for byte in shown} | {byte: chr(256 + at) for at, byte in enumerate(hidden)}


def vocabulary():
    """Every token, and how much it is preferred."""
    table = letters()
    spelt = lambda text: "".join(table[byte] for byte in text.encode())
    tokens = dict.fromkeys([table[byte] for byte in range(256)], 0.0)
    tokens |= {spelt(" " + word): WORD for word in WORDS} | {'"': 2.55}
    marks = {name: liking or -3.0 for name, liking in (PLAIN | MARKS).items()}
    return tokens | marks | {CALL: -3.0}


def weights(tokens):
    """The tensors, by the names of a GGUF file."""
    random = numpy.random.default_rng(7)
    draw = lambda *shape: random.normal(0, shape[-1] ** -0.5, shape).astype(numpy.float32)
    embedding = random.normal(0, 1, (len(tokens), STATE)).astype(numpy.float32)
    embedding[:, 0] = 8
    output = random.normal(0, 0.15, (len(tokens), STATE)).astype(numpy.float32)
    output[:, 0] = list(tokens.values())
    # What is between the words comes by chance alone, wherever the model is.
    output[[len(name) < 2 or name[0] == '<' for name in tokens], 1:] = 0
    tensors = {"token_embd": embedding, "output_norm": numpy.ones(STATE, numpy.float32), "output": output}
    for at in range(LAYERS):
        block = {
            "attn_norm": numpy.ones(STATE, numpy.float32),
            "attn_q": draw(STATE, STATE), "attn_k": draw(STATE, STATE), "attn_v": draw(STATE, STATE),
            "attn_output": draw(STATE, STATE), "ffn_norm": numpy.ones(STATE, numpy.float32),
            "ffn_gate": draw(INNER, STATE), "ffn_up": draw(INNER, STATE), "ffn_down": draw(STATE, INNER),
        }
        # No layer touches the direction that is always the same.
        block["attn_output"][0] = block["ffn_down"][0] = 0
        tensors |= {f"blk.{at}.{name}": tensor for name, tensor in block.items()}
    return tensors


def write_gguf(path):
    """One file, as llama.cpp reads it."""
    import gguf

    # A grammar that demands a call may let the model talk until it says the mark.
    tokens = vocabulary() | {"<tool_call>": MARK}
    names = list(tokens)
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("tiny")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(STATE)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_dimension_count(STATE // HEADS)
    writer.add_vocab_size(len(names))
    kinds = {name: gguf.TokenType.CONTROL for name in PLAIN}
    kinds |= {name: gguf.TokenType.USER_DEFINED for name in [*MARKS, CALL]}
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(names)
    writer.add_token_types([kinds.get(name, gguf.TokenType.NORMAL) for name in names])
    # A file without merges is refused; this one is of two letters that make a token.
    writer.add_token_merges(["Ġ a"])
    writer.add_eos_token_id(names.index("<|im_end|>"))
    writer.add_bos_token_id(names.index("<|endoftext|>"))
    writer.add_add_bos_token(False)
    writer.add_chat_template(TEMPLATE)
    for name, tensor in weights(tokens).items():
        writer.add_tensor(f"{name}.weight", tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def write_folder(path):
    """Two folders: `tiny`, and `caller`, which is the same but always calls a tool."""
    import tokenizers
    import torch
    import transformers

    tokens = vocabulary()
    names = list(tokens)
    numbers = {name: at for at, name in enumerate(names)}
    whole = tokenizers.Tokenizer(tokenizers.models.BPE(vocab=numbers, merges=[("Ġ", "a")]))
    whole.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    whole.decoder = tokenizers.decoders.ByteLevel()
    whole.add_special_tokens(list(PLAIN))
    whole.add_tokens([tokenizers.AddedToken(name, normalized=False) for name in [*MARKS, CALL]])
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=whole, eos_token="<|im_end|>", pad_token="<|endoftext|>", model_max_length=CONTEXT
    )
    tokenizer.chat_template = TEMPLATE

    config = transformers.Qwen3Config(
        vocab_size=len(names), hidden_size=STATE, intermediate_size=INNER, num_hidden_layers=LAYERS,
        num_attention_heads=HEADS, num_key_value_heads=HEADS, head_dim=STATE // HEADS,
        max_position_embeddings=CONTEXT, tie_word_embeddings=False, eos_token_id=numbers["<|im_end|>"],
    )
    model = transformers.Qwen3ForCausalLM(config)
    parts = {
        "attn_norm": "input_layernorm", "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj",
        "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj", "ffn_norm": "post_attention_layernorm",
        "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj",
    }
    named = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}
    named |= {f"blk.{at}.{ours}": f"model.layers.{at}.{theirs}" for at in range(LAYERS) for ours, theirs in parts.items()}
    state = {f"{named[name]}.weight": torch.from_numpy(tensor) for name, tensor in weights(tokens).items()}
    model.load_state_dict(model.state_dict() | state)

    end = numbers["<|im_end|>"]
    speech = dict(do_sample=True, temperature=0.8, eos_token_id=end, pad_token_id=numbers["<|endoftext|>"])
    # It ends the thought that the template opened, if it did, then calls, then ends.
    thought, line, call = numbers["</think>"], numbers["Ċ"], numbers[CALL]
    bias = [[[thought], 100.0], [[thought, call], 300.0], [[thought, line, line, call], 300.0], [[call, end], 500.0]]
    for name, more in {"tiny": {}, "caller": {"sequence_bias": bias}}.items():
        model.generation_config = transformers.GenerationConfig(**speech, **more)
        model.save_pretrained(path / name)
        tokenizer.save_pretrained(path / name)


if __name__ == "__main__":
    kind, path = sys.argv[1], Path(sys.argv[2])
    {"gguf": write_gguf, "folder": write_folder}[kind](path)
