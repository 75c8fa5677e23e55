"""Networks in torch: the extractor, the reaction model, MRAN, and the blocks they are made of."""
