"""How each shipped model is made: its data, its network, its loss, its budget."""

from workshop_lite.recipes import emoji, fashion, latent, notes
from workshop_lite.recipes.emoji import captioned, emoji_words, hint_loss, hinted
from workshop_lite.recipes.recipe import Recipe, class_denoiser, denoising_loss, fast_dtype

__all__ = ["RECIPES", "Recipe", "captioned", "class_denoiser", "denoising_loss"]
__all__ += ["emoji_words", "fast_dtype", "hint_loss", "hinted"]

RECIPES = fashion.RECIPES | emoji.RECIPES | latent.RECIPES | notes.RECIPES
