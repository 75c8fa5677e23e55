"""What a head is painted and dressed with: skin, brows, eyes, lips, teeth, hair, glasses."""
