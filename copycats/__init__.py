"""The thieves: attacks that buy labels and networks that learn from them."""
