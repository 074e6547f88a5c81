"""The model, composed of embedding, encoder and head; its weights, states and device."""
