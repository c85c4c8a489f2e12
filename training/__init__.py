"""How the embedded name detector's model is made."""
