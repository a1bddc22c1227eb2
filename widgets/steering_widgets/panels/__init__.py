"""What a person does and reads: controls, forms, lists."""
