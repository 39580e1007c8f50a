"""The networks and everything else that decoding needs of them."""
