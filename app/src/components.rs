//! Parts of pages. They load nothing: what they show is handed to them, already worded.

pub mod act_form;
pub mod acts;
pub mod board;
pub mod brand;
pub mod chart;
pub mod checklist;
pub mod demo_bar;
pub mod dialog;
pub mod explained;
pub mod form;
pub mod header;
pub mod help;
pub mod icon;
pub mod loaded;
pub mod log;
pub mod marked;
pub mod notice;
pub mod saga;
pub mod steps;
pub mod table;
pub mod text;
pub mod timeline;
pub mod track;
pub mod verdict;
