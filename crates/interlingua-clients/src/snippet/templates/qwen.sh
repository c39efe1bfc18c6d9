export OPENAI_BASE_URL={{base_url}}
export OPENAI_API_KEY={{key}}
export OPENAI_MODEL={{model}}
