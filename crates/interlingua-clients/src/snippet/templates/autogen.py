# pip install "autogen-ext[openai]"
import asyncio
{{os}}

from autogen_core.models import UserMessage
from autogen_ext.models.openai import OpenAIChatCompletionClient

client = OpenAIChatCompletionClient(
    model={{model}},
    base_url={{base_url}},
    api_key={{key}},
    model_info={
        "vision": {{images}},
        "function_calling": True,
        "json_output": False,
        "structured_output": False,
        "family": "unknown",
    },
)


async def main() -> None:
    answer = await client.create([UserMessage(content={{prompt}}, source="user")])
    print(answer.content)
    await client.close()


asyncio.run(main())
