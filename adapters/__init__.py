"""How the world is spoken to; knows nothing of runs, plans or databases."""
