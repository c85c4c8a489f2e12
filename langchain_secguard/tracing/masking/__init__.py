"""The mask: from whatever a tracer would write to plain data without personal values."""
