"""How a lead gets there: each one once, whatever happens on the way."""
