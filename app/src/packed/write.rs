//! Packing, on the server.

use super::{Unfit, decimal, mark};
use serde::ser::{self, Serialize};
use std::fmt::{Display, Write as _};

/// The value as text for [`super::unpack`]. Errors for shapes that views do not have.
pub fn pack<T: Serialize + ?Sized>(value: &T) -> Result<String, Unfit> {
    let mut out = String::new();
    value.serialize(&mut Writer { out: &mut out })?;
    Ok(out)
}

impl ser::Error for Unfit {
    fn custom<T: Display>(_message: T) -> Self {
        Unfit
    }
}

struct Writer<'a> {
    out: &'a mut String,
}

impl Writer<'_> {
    fn number(&mut self, number: impl Display) -> Result<(), Unfit> {
        write!(self.out, "{number};").map_err(|_| Unfit)
    }

    fn text(&mut self, text: &str) -> Result<(), Unfit> {
        write!(self.out, "{}:{text}", text.len()).map_err(|_| Unfit)
    }
}

/// A struct being written: its values wait until its field names, and so its mark, are known.
struct Fields<'w, 'a> {
    writer: &'w mut Writer<'a>,
    names: Vec<&'static str>,
    values: String,
}

impl<'w, 'a> Fields<'w, 'a> {
    fn of(writer: &'w mut Writer<'a>) -> Self {
        Self { writer, names: Vec::new(), values: String::new() }
    }

    fn add<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Unfit> {
        self.names.push(name);
        value.serialize(&mut Writer { out: &mut self.values })
    }

    fn done(self) -> Result<(), Unfit> {
        self.writer.out.extend(mark(&self.names).map(char::from));
        self.writer.out.push_str(&self.values);
        Ok(())
    }
}

macro_rules! numbers {
    ($($name:ident $kind:ty),+) => {$(
        fn $name(self, number: $kind) -> Result<(), Unfit> {
            self.number(number)
        }
    )+};
}

impl<'w, 'a> ser::Serializer for &'w mut Writer<'a> {
    type Ok = ();
    type Error = Unfit;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = ser::Impossible<(), Unfit>;
    type SerializeStruct = Fields<'w, 'a>;
    type SerializeStructVariant = Fields<'w, 'a>;

    numbers!(serialize_i8 i8, serialize_i16 i16, serialize_i32 i32, serialize_i64 i64, serialize_u8 u8,
        serialize_u16 u16, serialize_u32 u32, serialize_u64 u64);

    fn serialize_f32(self, _number: f32) -> Result<(), Unfit> {
        Err(Unfit)
    }

    fn serialize_f64(self, number: f64) -> Result<(), Unfit> {
        self.out.push_str(&decimal::write(number));
        self.out.push(';');
        Ok(())
    }

    fn serialize_bool(self, yes: bool) -> Result<(), Unfit> {
        self.out.push(if yes { '+' } else { '-' });
        Ok(())
    }

    fn serialize_char(self, _letter: char) -> Result<(), Unfit> {
        Err(Unfit)
    }

    fn serialize_str(self, text: &str) -> Result<(), Unfit> {
        self.text(text)
    }

    fn serialize_bytes(self, _bytes: &[u8]) -> Result<(), Unfit> {
        Err(Unfit)
    }

    fn serialize_none(self) -> Result<(), Unfit> {
        self.out.push('-');
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Unfit> {
        self.out.push('+');
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Unfit> {
        Ok(())
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<(), Unfit> {
        Ok(())
    }

    fn serialize_unit_variant(self, _name: &'static str, index: u32, _variant: &'static str) -> Result<(), Unfit> {
        self.number(index)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _name: &'static str, value: &T) -> Result<(), Unfit> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        index: u32,
        _variant: &'static str,
        value: &T,
    ) -> Result<(), Unfit> {
        self.number(index)?;
        value.serialize(self)
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<Self, Unfit> {
        self.number(length.ok_or(Unfit)?)?;
        Ok(self)
    }

    fn serialize_tuple(self, _length: usize) -> Result<Self, Unfit> {
        Ok(self)
    }

    fn serialize_tuple_struct(self, _name: &'static str, _length: usize) -> Result<Self, Unfit> {
        Ok(self)
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        index: u32,
        _variant: &'static str,
        _length: usize,
    ) -> Result<Self, Unfit> {
        self.number(index)?;
        Ok(self)
    }

    fn serialize_map(self, _length: Option<usize>) -> Result<Self::SerializeMap, Unfit> {
        Err(Unfit)
    }

    fn serialize_struct(self, _name: &'static str, _length: usize) -> Result<Fields<'w, 'a>, Unfit> {
        Ok(Fields::of(self))
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        index: u32,
        _variant: &'static str,
        _length: usize,
    ) -> Result<Fields<'w, 'a>, Unfit> {
        self.number(index)?;
        Ok(Fields::of(self))
    }
}

macro_rules! items {
    ($($kind:ident $method:ident),+) => {$(
        impl ser::$kind for &mut Writer<'_> {
            type Ok = ();
            type Error = Unfit;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unfit> {
                value.serialize(&mut **self)
            }

            fn end(self) -> Result<(), Unfit> {
                Ok(())
            }
        }
    )+};
}

items!(SerializeSeq serialize_element, SerializeTuple serialize_element, SerializeTupleStruct serialize_field,
    SerializeTupleVariant serialize_field);

macro_rules! fields {
    ($($kind:ident),+) => {$(
        impl ser::$kind for Fields<'_, '_> {
            type Ok = ();
            type Error = Unfit;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Unfit> {
                self.add(name, value)
            }

            fn end(self) -> Result<(), Unfit> {
                self.done()
            }
        }
    )+};
}

fields!(SerializeStruct, SerializeStructVariant);
