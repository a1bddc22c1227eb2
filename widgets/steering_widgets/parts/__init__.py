"""What panels are made of: cards, fields, menus, words, and the two bridges to the browser."""
