"""What panels are made of: cards, fields, menus, words, and the bridges to the browser."""
