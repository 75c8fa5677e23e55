"""Networks in torch: the MMA extractor, the masked RNN, and the blocks they are made of."""
