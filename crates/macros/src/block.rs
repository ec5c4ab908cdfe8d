//! The attribute on a whole `impl` block.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{
    Attribute, Error, Expr, ExprLit, ImplItem, ImplItemFn, ItemImpl, Lit, LitStr, Meta, Path,
    Result, Visibility,
};

use crate::args::{Args, check_action};
use crate::expand::Expansion;
use crate::function::Function;
use crate::keys::Place;

/// Whether the item is an `impl` block.
pub fn is_block(item: &TokenStream) -> bool {
    let word = |token: TokenTree| match token {
        TokenTree::Ident(ident) => Some(ident.to_string()),
        _ => None,
    };
    let mut words = item.clone().into_iter().filter_map(word);
    words.find(|word| word != "unsafe" && word != "default").is_some_and(|word| word == "impl")
}

/// Audits each public method of a block, each method of a trait's, and every function that asks for it.
pub fn expand(args: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let args = Args::parse(args, Place::Block)?;
    let mut block: ItemImpl = syn::parse2(item)?;
    let prefix = prefix(&args)?;
    let all = block.trait_.is_some();
    let mut errors: Option<Error> = None;
    for item in &mut block.items {
        let ImplItem::Fn(method) = item else { continue };
        match audited(method, &args, &prefix, all) {
            Ok(None) => {}
            Ok(Some(tokens)) => *item = ImplItem::Verbatim(tokens),
            Err(error) => match &mut errors {
                Some(errors) => errors.combine(error),
                None => errors = Some(error),
            },
        }
    }
    errors.map_or_else(|| Ok(block.into_token_stream()), Err)
}

fn prefix(args: &Args) -> Result<LitStr> {
    let Some(prefix) = args.expr("prefix") else {
        let why = "on an `impl` block `#[audited]` needs a prefix for the actions of its methods: \
                   `prefix = \"user\"` makes `user.update` of `fn update`";
        return Err(Error::new(Span::call_site(), why));
    };
    match prefix {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => {
            check_action(&text.value()).map_err(|why| Error::new(text.span(), why))?;
            Ok(text.clone())
        }
        other => Err(Error::new(other.span(), "the prefix is a text: `prefix = \"user\"`")),
    }
}

/// The method with its audit; nothing if it is to stay as it is.
fn audited(
    method: &mut ImplItemFn,
    block: &Args,
    prefix: &LitStr,
    all: bool,
) -> Result<Option<TokenStream>> {
    let own = method.attrs.iter().position(|attr| is_ours(attr.path()));
    let own = own.map(|index| method.attrs.remove(index)).map(|attr| of(&attr)).transpose()?;
    if own.as_ref().is_some_and(|own| own.span("skip").is_some()) {
        return Ok(None);
    }
    let public = all || !matches!(method.vis, Visibility::Inherited);
    if own.is_none() && (!public || method.sig.receiver().is_none()) {
        return Ok(None);
    }
    let name = method.sig.ident.unraw();
    let action = LitStr::new(&format!("{}.{name}", prefix.value()), name.span());
    let args = own.unwrap_or_default().within(block).or_action(&action);
    let function: Function = syn::parse2(method.to_token_stream())?;
    if function.sig.constness.is_some() {
        let why = "a `const fn` cannot be audited: leave it out with `#[audited(skip)]`";
        return Err(Error::new(method.sig.constness.span(), why));
    }
    Ok(Some(Expansion::new(&args, &function)?.expand()))
}

fn is_ours(path: &Path) -> bool {
    path.segments.last().is_some_and(|last| last.ident == "audited")
}

fn of(attr: &Attribute) -> Result<Args> {
    match &attr.meta {
        Meta::Path(_) => Ok(Args::default()),
        Meta::List(list) => Args::parse(list.tokens.clone(), Place::Function),
        Meta::NameValue(pair) => {
            Err(Error::new(pair.eq_token.span(), "write it as `#[audited(key = …)]`"))
        }
    }
}
