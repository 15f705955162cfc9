//! Reading what was packed.

use super::{Unfit, decimal, mark};
use serde::de::{self, Deserialize, DeserializeSeed, IntoDeserializer, Visitor};
use std::fmt::Display;
use std::str::FromStr;

/// The value this text was packed from. Errors when it was packed from another type, is cut, or goes on.
pub fn unpack<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, Unfit> {
    let mut reader = Reader { rest: text };
    let value = T::deserialize(&mut reader)?;
    if reader.rest.is_empty() { Ok(value) } else { Err(Unfit) }
}

impl de::Error for Unfit {
    fn custom<T: Display>(_message: T) -> Self {
        Unfit
    }
}

struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn until(&mut self, end: char) -> Result<&'a str, Unfit> {
        let (before, after) = self.rest.split_once(end).ok_or(Unfit)?;
        self.rest = after;
        Ok(before)
    }

    fn number<N: FromStr>(&mut self) -> Result<N, Unfit> {
        self.until(';')?.parse().map_err(|_| Unfit)
    }

    fn text(&mut self) -> Result<&'a str, Unfit> {
        let length: usize = self.until(':')?.parse().map_err(|_| Unfit)?;
        let (text, rest) = self.rest.split_at_checked(length).ok_or(Unfit)?;
        self.rest = rest;
        Ok(text)
    }

    fn letter(&mut self) -> Result<u8, Unfit> {
        let (letter, rest) = self.rest.split_at_checked(1).ok_or(Unfit)?;
        self.rest = rest;
        Ok(letter.as_bytes()[0])
    }

    fn marked(&mut self, fields: &[&str]) -> Result<(), Unfit> {
        if [self.letter()?, self.letter()?] == mark(fields) { Ok(()) } else { Err(Unfit) }
    }
}

macro_rules! unsupported {
    ($($name:ident)+) => {$(
        fn $name<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Unfit> {
            Err(Unfit)
        }
    )+};
}

macro_rules! numbers {
    ($($name:ident $visit:ident)+) => {$(
        fn $name<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unfit> {
            visitor.$visit(self.number()?)
        }
    )+};
}

impl<'de> de::Deserializer<'de> for &mut Reader<'de> {
    type Error = Unfit;

    unsupported!(deserialize_any deserialize_f32 deserialize_char deserialize_bytes deserialize_byte_buf deserialize_map
        deserialize_identifier deserialize_ignored_any);

    numbers!(deserialize_i8 visit_i8 deserialize_i16 visit_i16 deserialize_i32 visit_i32 deserialize_i64 visit_i64
        deserialize_u8 visit_u8 deserialize_u16 visit_u16 deserialize_u32 visit_u32 deserialize_u64 visit_u64);

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unfit> {
        visitor.visit_f64(decimal::read(self.until(';')?).ok_or(Unfit)?)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unfit> {
        match self.letter()? {
            b'+' => visitor.visit_bool(true),
            b'-' => visitor.visit_bool(false),
            _ => Err(Unfit),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unfit> {
        visitor.visit_borrowed_str(self.text()?)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unfit> {
        visitor.visit_borrowed_str(self.text()?)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unfit> {
        match self.letter()? {
            b'+' => visitor.visit_some(self),
            b'-' => visitor.visit_none(),
            _ => Err(Unfit),
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unfit> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _name: &'static str, visitor: V) -> Result<V::Value, Unfit> {
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _name: &'static str, visitor: V) -> Result<V::Value, Unfit> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unfit> {
        let left = self.number()?;
        visitor.visit_seq(Items { reader: self, left })
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Unfit> {
        visitor.visit_seq(Items { reader: self, left: length })
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Unfit> {
        visitor.visit_seq(Items { reader: self, left: length })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unfit> {
        self.marked(fields)?;
        visitor.visit_seq(Items { reader: self, left: fields.len() })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unfit> {
        let index: u32 = self.number()?;
        if (index as usize) < variants.len() { visitor.visit_enum(Variant { reader: self, index }) } else { Err(Unfit) }
    }
}

/// The next `left` values.
struct Items<'r, 'de> {
    reader: &'r mut Reader<'de>,
    left: usize,
}

impl<'de> de::SeqAccess<'de> for Items<'_, 'de> {
    type Error = Unfit;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Unfit> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        seed.deserialize(&mut *self.reader).map(Some)
    }

    /// Never more than could be there: each value takes a byte at least.
    fn size_hint(&self) -> Option<usize> {
        Some(self.left.min(self.reader.rest.len()))
    }
}

struct Variant<'r, 'de> {
    reader: &'r mut Reader<'de>,
    index: u32,
}

impl<'de> de::EnumAccess<'de> for Variant<'_, 'de> {
    type Error = Unfit;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), Unfit> {
        let index: de::value::U32Deserializer<Unfit> = self.index.into_deserializer();
        Ok((seed.deserialize(index)?, self))
    }
}

impl<'de> de::VariantAccess<'de> for Variant<'_, 'de> {
    type Error = Unfit;

    fn unit_variant(self) -> Result<(), Unfit> {
        Ok(())
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Unfit> {
        seed.deserialize(self.reader)
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Unfit> {
        visitor.visit_seq(Items { reader: self.reader, left: length })
    }

    fn struct_variant<V: Visitor<'de>>(self, fields: &'static [&'static str], visitor: V) -> Result<V::Value, Unfit> {
        self.reader.marked(fields)?;
        visitor.visit_seq(Items { reader: self.reader, left: fields.len() })
    }
}
