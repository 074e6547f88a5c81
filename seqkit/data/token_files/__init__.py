"""Long texts encoded once into files of token ids."""
