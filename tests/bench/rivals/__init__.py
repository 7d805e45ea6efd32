"""What a user would write instead of Tillwire: a Python script and a Node program, without a journal."""
