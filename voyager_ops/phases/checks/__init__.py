"""What preflight looks at: facts read from the two servers, and pure checks over them."""
