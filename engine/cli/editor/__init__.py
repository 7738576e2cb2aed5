"""What an editor shows of specs: findings, types, names and the places they lead to."""
