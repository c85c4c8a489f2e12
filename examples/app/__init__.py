"""A page to look at: what you wrote, what the model saw, and what you got."""
