//! What a brand's page looks like (requirement T11): a name, one colour, light or dark, a logo.
//!
//! Everything else is worked out from the one colour, so that what stands on something else can be
//! read: at least 4.5 : 1 for text (WCAG 2, AA). **Never** passes text of an operator on as a
//! style: colours are numbers, and the page writes them itself.

use crate::config;
use serde::Serialize;
use utoipa::ToSchema;

/// Least contrast of text.
const READABLE: f64 = 4.5;
/// Surfaces of the page, light and dark: the lightest and the darkest that text stands on.
const LIGHT: [Colour; 2] = [Colour([0xff, 0xfd, 0xf8]), Colour([0xef, 0xe9, 0xdc])];
const DARK: [Colour; 2] = [Colour([0x0f, 0x0e, 0x19]), Colour([0x19, 0x18, 0x26])];
const WHITE: Colour = Colour([0xff; 3]);
/// The softest text on the top of a tournament.
const LIGHT_TEXT: Colour = Colour([0xbd, 0xb6, 0xcc]);
const INK: Colour = Colour([0x14, 0x12, 0x1f]);

/// A colour, red, green and blue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Colour([u8; 3]);

impl Colour {
    /// Reads `#b9361c`; nothing else is a colour.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6)?;
        let mut colour = [0; 3];
        hex::decode_to_slice(digits, &mut colour).ok()?;
        Some(Self(colour))
    }

    fn text(self) -> String {
        format!("#{}", hex::encode(self.0))
    }

    /// Relative luminance, 0 to 1 (WCAG 2).
    fn luminance(self) -> f64 {
        let linear = self.0.map(|part| {
            let part = f64::from(part) / 255.0;
            if part <= 0.040_45 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        });
        let [red, green, blue] = linear;
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    /// Contrast, 1 to 21.
    fn contrast(self, other: Self) -> f64 {
        let (a, b) = (self.luminance(), other.luminance());
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    /// So many percent of the way to another colour.
    fn mixed(self, other: Self, percent: u16) -> Self {
        let mut parts = self.0;
        for (part, to) in parts.iter_mut().zip(other.0) {
            let (from, to) = (u16::from(*part), u16::from(to));
            let sum = (from * (100 - percent) + to * percent) / 100;
            *part = u8::try_from(sum).unwrap_or(u8::MAX);
        }
        Self(parts)
    }

    /// The nearest colour towards `to` that can be read on every one of these.
    fn readable_on(self, surfaces: &[Self], to: Self) -> Self {
        let good = |colour: &Self| surfaces.iter().all(|on| colour.contrast(*on) >= READABLE);
        (0..=100).map(|percent| self.mixed(to, percent)).find(good).unwrap_or(to)
    }
}

/// The page's colours of one scheme, each as `#rrggbb`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Palette {
    /// Links, the reader's own row.
    #[schema(example = "#b9361c")]
    signal: String,
    /// Behind the reader's own row.
    signal_wash: String,
    /// Buttons, and the reader's own bar.
    button: String,
    /// On buttons.
    on_button: String,
    /// The top of a tournament; its text is light.
    hero: String,
    /// The other end of its gradient.
    hero2: String,
}

impl Palette {
    fn of(accent: Colour, surfaces: &[Colour; 2], away: Colour) -> Self {
        let [first, second] = *surfaces;
        let wash = first.mixed(accent, 10);
        let signal = accent.readable_on(&[first, second, wash], away);
        let is_light = WHITE.contrast(accent) >= INK.contrast(accent);
        let (on_button, off) = if is_light { (WHITE, INK) } else { (INK, WHITE) };
        let button = accent.readable_on(&[on_button], off);
        // Light text stands on it, whatever the colour.
        let tinted = |most: u16| {
            let tints = (0..=most).rev().map(|percent| INK.mixed(accent, percent));
            let good = |hero: &Colour| LIGHT_TEXT.contrast(*hero) >= READABLE;
            tints.into_iter().find(good).unwrap_or(INK)
        };
        let (hero, hero2) = (tinted(12), tinted(26));
        Self {
            signal: signal.text(),
            signal_wash: wash.text(),
            button: button.text(),
            on_button: on_button.text(),
            hero: hero.text(),
            hero2: hero2.text(),
        }
    }
}

/// Answer of `GET /api/theme`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Theme {
    /// The brand's name.
    #[schema(example = "Palio")]
    name: String,
    /// `auto` (the reader's own setting), `light` or `dark`.
    #[schema(example = "auto")]
    scheme: &'static str,
    /// Path of the logo on this server.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "/icons/mark.svg")]
    logo: Option<String>,
    /// Colours where it is light; the page's own when not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    light: Option<Palette>,
    /// Colours where it is dark.
    #[serde(skip_serializing_if = "Option::is_none")]
    dark: Option<Palette>,
}

impl Theme {
    /// The page's own.
    #[must_use]
    pub fn own() -> Self {
        let (name, scheme) = ("Palio".to_owned(), "auto");
        Self { name, scheme, logo: None, light: None, dark: None }
    }

    /// The theme of a tenant's configuration.
    #[must_use]
    pub fn of(of: &config::Theme) -> Self {
        let accent = Colour::parse(&of.accent);
        Self {
            name: of.name.clone(),
            scheme: match of.scheme {
                config::Scheme::Auto => "auto",
                config::Scheme::Light => "light",
                config::Scheme::Dark => "dark",
            },
            logo: (!of.logo.is_empty()).then(|| of.logo.clone()),
            light: accent.map(|accent| Palette::of(accent, &LIGHT, INK)),
            dark: accent.map(|accent| Palette::of(accent, &DARK, WHITE)),
        }
    }
}

/// Whether a text is a picture's path on this server.
#[must_use]
pub fn is_logo(path: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"/_-.".contains(&b);
    let ending = [".svg", ".png", ".webp"].iter().any(|ending| path.ends_with(ending));
    let inside = path.starts_with('/') && !path.contains("//") && !path.contains("..");
    inside && ending && path.len() <= 200 && path.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_six_digits_and_nothing_else() {
        for (text, expected) in [
            ("#b9361c", Some([0xb9, 0x36, 0x1c])),
            ("#B9361C", Some([0xb9, 0x36, 0x1c])),
            ("#fff", None),
            ("b9361c", None),
            ("red", None),
            ("#b9361c;", None),
            ("#b9361c}body{display:none", None),
            ("#é9361", None),
        ] {
            assert_eq!(Colour::parse(text), expected.map(Colour), "{text}");
        }
    }

    #[test]
    fn a_logo_is_a_path_of_this_server() {
        for (path, expected) in [
            ("/icons/mark.svg", true),
            ("/brands/acme-2.png", true),
            ("//elsewhere.example/a.png", false),
            ("https://elsewhere.example/a.png", false),
            ("/a/../b.png", false),
            ("/a.js", false),
            ("/a.png?x=\"", false),
            ("", false),
        ] {
            assert_eq!(is_logo(path), expected, "{path}");
        }
    }

    /// Whatever the brand's colour is.
    #[test]
    fn everything_can_be_read() {
        let known = (Colour([0, 0, 0]).contrast(WHITE), WHITE.contrast(WHITE));
        assert!((known.0 - 21.0).abs() < 1e-9 && (known.1 - 1.0).abs() < 1e-9, "{known:?}");
        let steps = [0, 51, 102, 153, 204, 255];
        let mut colours = 0;
        for (red, green, blue) in steps.into_iter().flat_map(|red| {
            steps.into_iter().flat_map(move |green| steps.map(|blue| (red, green, blue)))
        }) {
            let accent = Colour([red, green, blue]);
            for (surfaces, away) in [(LIGHT, INK), (DARK, WHITE)] {
                let palette = Palette::of(accent, &surfaces, away);
                let of = |text: &str| Colour::parse(text).unwrap();
                let signal = of(&palette.signal);
                for on in surfaces.iter().chain([&of(&palette.signal_wash)]) {
                    assert!(signal.contrast(*on) >= READABLE, "{accent:?} on {on:?}: {palette:?}");
                }
                assert!(of(&palette.button).contrast(of(&palette.on_button)) >= READABLE);
                for hero in [&palette.hero, &palette.hero2] {
                    assert!(LIGHT_TEXT.contrast(of(hero)) >= READABLE, "{accent:?}: {hero}");
                }
                colours += 1;
            }
        }
        assert_eq!(colours, 432);
    }
}
