"""An API as OpenAI's: personas and the base model for programs that speak it. It keeps nothing."""
