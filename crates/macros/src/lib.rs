//! The attribute that audits a function.

mod args;
mod block;
mod expand;
mod function;
mod keys;
mod limits;

use proc_macro2::TokenStream;

use crate::args::Args;
use crate::expand::Expansion;
use crate::function::Function;
use crate::keys::Place;

/// Audits.
#[proc_macro_attribute]
pub fn audited(
    args: proc_macro::TokenStream,
    item: proc_macro::TokenStream,
) -> proc_macro::TokenStream {
    let item = TokenStream::from(item);
    // With the error comes the item as it was: that it is missing would be a second error, and a wrong one.
    let tokens = audit(args.into(), item.clone()).unwrap_or_else(|error| {
        let mut tokens = error.into_compile_error();
        tokens.extend(item);
        tokens
    });
    tokens.into()
}

/// What the attribute does, without the compiler around it.
fn audit(args: TokenStream, item: TokenStream) -> syn::Result<TokenStream> {
    if block::is_block(&item) {
        return block::expand(args, item);
    }
    let function: Function = syn::parse2(item)?;
    let args = Args::parse(args, Place::Function)?;
    if let Some(span) = args.span("skip") {
        let why = "`skip` leaves a method out of an `impl` block that is audited; here is none: \
                   remove the attribute";
        return Err(syn::Error::new(span, why));
    }
    Ok(Expansion::new(&args, &function)?.expand())
}
