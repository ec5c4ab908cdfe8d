//! What the user wrote into the attribute.

use proc_macro2::{Span, TokenStream};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Error, Expr, ExprLit, Ident, Lit, LitStr, Path, Result, Token, parenthesized, token};

use crate::keys::{self, Key, Place, Shape};
use crate::limits::{ACTION_BYTES_MAX, CATEGORY_BYTES_MAX};

/// The arguments, each key once.
#[derive(Clone, Default)]
pub struct Args(Vec<Arg>);

#[derive(Clone)]
struct Arg {
    key: &'static Key,
    span: Span,
    /// It came from the block around the function.
    inherited: bool,
    value: Value,
}

#[derive(Clone)]
enum Value {
    Flag,
    Expr(Box<Expr>),
    Fields(Vec<Field>),
    Path(Path),
}

/// A detail: its key and what is told under it.
#[derive(Clone)]
pub struct Field {
    pub key: LitStr,
    pub value: Expr,
}

impl Args {
    /// Reads the arguments of an attribute that stands on a function or on a block.
    pub fn parse(tokens: TokenStream, place: Place) -> Result<Args> {
        let parser = |input: ParseStream<'_>| Args::read(input, place);
        syn::parse::Parser::parse2(parser, tokens)
    }

    fn read(input: ParseStream<'_>, place: Place) -> Result<Args> {
        let mut args = Args::default();
        while !input.is_empty() {
            let arg = Arg::read(input, place)?;
            if args.0.iter().any(|known| known.key.name == arg.key.name) {
                return Err(Error::new(arg.span, format!("`{}` is here twice", arg.key.name)));
            }
            args.0.push(arg);
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(args)
    }

    /// These, and what the block says that they do not.
    pub fn within(mut self, block: &Args) -> Args {
        let both = block.0.iter().filter(|arg| arg.key.place == Place::Both);
        for arg in both {
            if !self.0.iter().any(|own| own.key.name == arg.key.name) {
                self.0.push(Arg { inherited: true, ..arg.clone() });
            }
        }
        self
    }

    /// These, with an action if they have none.
    pub fn or_action(mut self, action: &LitStr) -> Args {
        if self.get("action").is_none() {
            let lit = Lit::Str(action.clone());
            let value = Value::Expr(Box::new(Expr::Lit(ExprLit { attrs: Vec::new(), lit })));
            let key = keys::find("action").expect("it is one of the keys");
            self.0.push(Arg { key, span: action.span(), inherited: true, value });
        }
        self
    }

    fn get(&self, name: &str) -> Option<&Arg> {
        self.0.iter().find(|arg| arg.key.name == name)
    }

    /// Where this key is, if it is there.
    pub fn span(&self, name: &str) -> Option<Span> {
        self.get(name).map(|arg| arg.span)
    }

    /// Where this key is, if it stands on the function itself.
    pub fn own_span(&self, name: &str) -> Option<Span> {
        self.get(name).filter(|arg| !arg.inherited).map(|arg| arg.span)
    }

    /// The expression of this key.
    pub fn expr(&self, name: &str) -> Option<&Expr> {
        match &self.get(name)?.value {
            Value::Expr(expr) => Some(expr),
            _ => None,
        }
    }

    /// The fields of this key.
    pub fn fields(&self, name: &str) -> &[Field] {
        match self.get(name).map(|arg| &arg.value) {
            Some(Value::Fields(fields)) => fields,
            _ => &[],
        }
    }

    /// The path of `crate`.
    pub fn path(&self) -> Option<&Path> {
        match &self.get("crate")?.value {
            Value::Path(path) => Some(path),
            _ => None,
        }
    }

    /// Checks what can be checked without the function.
    pub fn check(&self) -> Result<()> {
        if let Some(action) = self.expr("action") {
            check_text(action, "action", check_action)?;
        }
        if let Some(category) = self.expr("category") {
            check_text(category, "category", check_category)?;
        }
        self.needs("id", "resource", "say what it is the id of: `resource = \"user\"`")?;
        self.needs("name", "resource", "say what it is the name of: `resource = \"user\"`")?;
        self.needs("on_behalf_of", "actor", "say who acted: `actor = …`")?;
        for told in ["after", "details_after", "required"] {
            self.excludes(told, "skip_ok", "with `skip_ok` a success is not recorded")?;
        }
        self.excludes("skip_ok", "intent", "an intent needs its outcome, also the good one")
    }

    fn needs(&self, name: &str, other: &str, why: &str) -> Result<()> {
        match self.span(name) {
            Some(span) if self.get(other).is_none() => {
                Err(Error::new(span, format!("`{name}` without `{other}`; {why}")))
            }
            _ => Ok(()),
        }
    }

    fn excludes(&self, name: &str, other: &str, why: &str) -> Result<()> {
        match self.span(name) {
            Some(span) if self.get(other).is_some() => {
                Err(Error::new(span, format!("`{name}` cannot go with `{other}`: {why}")))
            }
            _ => Ok(()),
        }
    }
}

impl Arg {
    fn read(input: ParseStream<'_>, place: Place) -> Result<Arg> {
        if input.peek(LitStr) {
            let text: LitStr = input.parse()?;
            let hint = format!("name it: `action = {:?}`", text.value());
            return Err(Error::new(text.span(), hint));
        }
        let ident = input.call(Ident::parse_any)?;
        let name = ident.unraw().to_string();
        let Some(key) = keys::find(&name) else { return Err(unknown(&ident, &name, place)) };
        if key.place != place && key.place != Place::Both {
            let instead = match place {
                Place::Function => "it goes on an `impl` block; a function has `action = …`",
                _ => "it goes on one function; here say it on the method, `#[audited(…)]`",
            };
            return Err(Error::new(ident.span(), format!("`{name}` cannot stand here: {instead}")));
        }
        let wrong =
            |example: &str| Error::new(ident.span(), format!("write it as `{name}{example}`"));
        let value = match key.shape {
            Shape::Flag if input.peek(Token![=]) || input.peek(token::Paren) => {
                let why = format!("`{name}` stands alone, without a value");
                return Err(Error::new(ident.span(), why));
            }
            Shape::Flag => Value::Flag,
            Shape::Fields if input.peek(token::Paren) => {
                let content;
                parenthesized!(content in input);
                let fields = Punctuated::<Field, Token![,]>::parse_terminated(&content)?;
                Value::Fields(fields.into_iter().collect())
            }
            Shape::Fields => return Err(wrong("(key = value, …)")),
            Shape::Value | Shape::Path if !input.peek(Token![=]) => return Err(wrong(" = …")),
            Shape::Value => {
                input.parse::<Token![=]>()?;
                Value::Expr(input.parse()?)
            }
            Shape::Path => {
                input.parse::<Token![=]>()?;
                let Ok(path) = input.parse::<LitStr>() else {
                    return Err(wrong(" = \"path::to::indelible\""));
                };
                Value::Path(path.parse()?)
            }
        };
        Ok(Arg { key, span: ident.span(), inherited: false, value })
    }
}

fn unknown(ident: &Ident, name: &str, place: Place) -> Error {
    let hint = keys::meant(name, place).map_or_else(
        || {
            let fits = |key: &&Key| key.place == place || key.place == Place::Both;
            let known: Vec<_> = keys::KEYS.iter().filter(fits).map(|key| key.name).collect();
            format!("there are: {}", known.join(", "))
        },
        |meant| format!("did you mean `{meant}`?"),
    );
    Error::new(ident.span(), format!("`#[audited]` has no `{name}`; {hint}"))
}

impl Parse for Field {
    /// `key = value`, `"any key" = value`, or `key` for a variable of that name.
    fn parse(input: ParseStream<'_>) -> Result<Field> {
        if input.peek(LitStr) {
            let key = input.parse()?;
            input.parse::<Token![=]>()?;
            return Ok(Field { key, value: input.parse()? });
        }
        let ident = input.call(Ident::parse_any)?;
        let key = LitStr::new(&ident.unraw().to_string(), ident.span());
        if input.peek(Token![=]) {
            input.parse::<Token![=]>()?;
            return Ok(Field { key, value: input.parse()? });
        }
        if !input.is_empty() && !input.peek(Token![,]) {
            return Err(input.error("a detail is `key = value`, or a variable's name"));
        }
        let value = syn::parse_quote!(#ident);
        Ok(Field { key, value })
    }
}

/// Checks a text that is known when the program is compiled. What is computed is checked by the recorder.
fn check_text(
    expr: &Expr,
    name: &str,
    check: impl Fn(&str) -> std::result::Result<(), String>,
) -> Result<()> {
    let Expr::Lit(ExprLit { lit, .. }) = expr else { return Ok(()) };
    match lit {
        Lit::Str(text) => check(&text.value()).map_err(|why| Error::new(text.span(), why)),
        other => Err(Error::new(other.span(), format!("the {name} is a text: `{name} = \"…\"`"))),
    }
}

/// What is wrong with an action, if anything is.
pub fn check_action(text: &str) -> std::result::Result<(), String> {
    if text.len() > ACTION_BYTES_MAX {
        return Err(format!("an action has at most {ACTION_BYTES_MAX} bytes, not {}", text.len()));
    }
    let wrong = "an action is words of a-z, 0-9 and _ with dots between them";
    check_words(text.split('.'), wrong, repaired(text))
}

fn check_category(text: &str) -> std::result::Result<(), String> {
    if text.len() > CATEGORY_BYTES_MAX {
        return Err(format!(
            "a category has at most {CATEGORY_BYTES_MAX} bytes, not {}",
            text.len()
        ));
    }
    let better = repaired(text).map(|better| better.replace('.', "_"));
    check_words(std::iter::once(text), "a category is one word of a-z, 0-9 and _", better)
}

fn check_words<'a>(
    mut words: impl Iterator<Item = &'a str>,
    wrong: &str,
    better: Option<String>,
) -> std::result::Result<(), String> {
    let known = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if words.all(|word| !word.is_empty() && word.chars().all(known)) {
        return Ok(());
    }
    let meant = better.map(|better| format!("; did you mean {better:?}?"));
    Err(format!("{wrong}{}", meant.unwrap_or_default()))
}

/// The words of a text, as we would write them: `User::updateName` as `user.update_name`.
fn repaired(text: &str) -> Option<String> {
    let mut words: Vec<String> = Vec::new();
    for word in text.split(['.', ':', '/', ' ']).filter(|word| !word.is_empty()) {
        let mut better = String::new();
        for c in word.chars() {
            if c.is_ascii_uppercase() && better.ends_with(|c: char| c.is_ascii_lowercase()) {
                better.push('_');
            }
            match c {
                'a'..='z' | 'A'..='Z' | '0'..='9' => better.push(c.to_ascii_lowercase()),
                '-' | '_' => better.push('_'),
                _ => return None,
            }
        }
        words.push(better);
    }
    (!words.is_empty()).then(|| words.join("."))
}
