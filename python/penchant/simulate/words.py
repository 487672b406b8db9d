"""The words that product names are made of, and what the categories are like.

A name reads *brand, quality, thing*: "Fernhill Enamel Teapot".
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["BRANDS", "CATEGORIES", "Category"]


@dataclass(frozen=True)
class Category:
    """One kind of products.

    Attributes
    ----------
    name : str
        As a shop's menu has it.
    price : float
        Usual price of one piece.
    cadence : float or None
        Days after which it is used up and bought again; None for what lasts.
    returns : float
        Share of purchases sent back by people whom the product fits as usual.
    qualities, things : tuple of str
        Any quality goes with any thing.
    """

    name: str
    price: float
    cadence: float | None
    returns: float
    qualities: tuple[str, ...]
    things: tuple[str, ...]


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(","))


BRANDS = _words(
    "Fernhill, Northwind, Alder & Co, Bluebell, Copperfield, Marlow, Juniper Lane, Oakley Row, "
    "Tidewater, Saffron House, Larkspur, Hearthside, Pennant, Wrenfield, Solstice, Millbrook, "
    "Kestrel, Ivy & Ash, Longshore, Primrose Hill, Thistledown, Amberley, Foxglove, Harbour St"
)

CATEGORIES = (
    Category(
        "Kitchen", 18.0, None, 0.04,
        _words(
            "Enamel, Oak, Stoneware, Copper, Glass, Cast Iron, Striped, Stackable, "
            "Bamboo, Steel"
        ),
        _words(
            "Teapot, Chopping Board, Mixing Bowl, Saucepan, Storage Jar, Cake Tin, "
            "Whisk, Serving Platter, Mug, Pepper Mill"
        ),
    ),
    Category(
        "Garden", 22.0, None, 0.04,
        _words(
            "Terracotta, Galvanised, Cedar, Climbing, Folding, Rustic, Woven, "
            "Hanging, Slate, Iron"
        ),
        _words(
            "Planter, Watering Can, Trowel, Bird Feeder, Rose Arch, Bench, Seed "
            "Tray, Wind Chime, Garden Hose, Trellis"
        ),
    ),
    Category(
        "Coffee & Tea", 9.0, 24.0, 0.01,
        _words(
            "Dark Roast, Single Origin, Organic, Breakfast, Decaf, Smoky, First "
            "Flush, Spiced, House, Mountain"
        ),
        _words(
            "Espresso Beans, Filter Coffee, Green Tea, Earl Grey, Oolong, Cold Brew "
            "Pack, Herbal Infusion, Chai, Coffee Pods, Matcha"
        ),
    ),
    Category(
        "Baby", 16.0, 30.0, 0.03,
        _words(
            "Soft Cotton, Hypoallergenic, Organic, Quilted, Woodland, Newborn, "
            "Gentle, Starry, Knitted, Washable"
        ),
        _words(
            "Nappies, Baby Wipes, Sleepsuit, Muslin Set, Teether, Baby Lotion, "
            "Swaddle, Bib Set, Feeding Bottle, Play Mat"
        ),
    ),
    Category(
        "Outdoor", 45.0, None, 0.07,
        _words(
            "Ultralight, Waterproof, Alpine, Trail, Insulated, Packable, Merino, "
            "Windproof, Three-Season, Reflective"
        ),
        _words(
            "Tent, Rucksack, Sleeping Bag, Camp Stove, Head Torch, Rain Jacket, "
            "Walking Poles, Base Layer, Dry Bag, Hiking Socks"
        ),
    ),
    Category(
        "Pets", 13.0, 28.0, 0.02,
        _words(
            "Grain-Free, Salmon, Puppy, Senior, Chicken & Rice, Crunchy, Natural, "
            "Indoor, Dental, Sensitive"
        ),
        _words(
            "Dog Food, Cat Food, Dog Treats, Cat Litter, Chew Sticks, Bird Seed, "
            "Flea Drops, Kibble, Wet Food Tray, Hay"
        ),
    ),
    Category(
        "Bath & Body", 11.0, 35.0, 0.02,
        _words(
            "Lavender, Sea Salt, Oatmeal, Citrus, Rose, Unscented, Charcoal, "
            "Almond, Mint, Honey"
        ),
        _words(
            "Hand Soap, Shampoo, Body Butter, Bath Salts, Face Cream, Shower Gel, "
            "Lip Balm, Conditioner, Hand Cream, Bath Oil"
        ),
    ),
    Category(
        "Stationery", 8.0, None, 0.02,
        _words(
            "Dotted, Linen, Recycled, Fountain, Marbled, Pocket, Botanical, "
            "Leather, Weekly, Brass"
        ),
        _words(
            "Notebook, Pen, Planner, Greeting Cards, Pencil Set, Desk Tray, "
            "Sketchbook, Wrapping Paper, Ink Bottle, Sticker Sheet"
        ),
    ),
    Category(
        "Lighting", 38.0, None, 0.06,
        _words(
            "Rattan, Brass, Opal Glass, Dimmable, Paper, Ceramic, Industrial, "
            "Solar, Arched, Linen"
        ),
        _words(
            "Table Lamp, Pendant, Floor Lamp, Lantern, String Lights, Desk Lamp, "
            "Wall Light, Candle Holder, Night Light, Lampshade"
        ),
    ),
    Category(
        "Toys", 19.0, None, 0.04,
        _words(
            "Wooden, Magnetic, Giant, Glow, Musical, Woodland, Space, Pirate, "
            "Rainbow, Pull-Along"
        ),
        _words(
            "Building Blocks, Jigsaw, Train Set, Puppet, Board Game, Doll's House, "
            "Kite, Marble Run, Craft Kit, Soft Toy"
        ),
    ),
    Category(
        "Home Textiles", 27.0, None, 0.09,
        _words(
            "Washed Linen, Velvet, Waffle, Striped, Tufted, Gingham, Wool, "
            "Embroidered, Fringed, Quilted"
        ),
        _words(
            "Cushion, Throw, Duvet Set, Bath Towel, Curtain, Tablecloth, Rug, "
            "Apron, Pillowcase, Bedspread"
        ),
    ),
    Category(
        "Electronics", 59.0, None, 0.08,
        _words(
            "Wireless, Compact, Retro, Smart, Noise-Cancelling, Portable, Rugged, "
            "Slim, 4K, Solar"
        ),
        _words(
            "Headphones, Speaker, Alarm Clock, Charger, Keyboard, Radio, Webcam, "
            "Power Bank, Fitness Band, Projector"
        ),
    ),
)  # fmt: skip
