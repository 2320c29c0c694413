//! The wireless network: joins it, and joins it again each time that it is gone.

use defmt::{Debug2Format, info, warn};
use embassy_time::{Duration, Instant, Timer};
use esp_hal::peripherals::WIFI;
use esp_hal::rng::Rng;
use esp_radio::wifi::sta::StationConfig;
use esp_radio::wifi::{
    AuthenticationMethodConfig, Config, ControllerConfig, CountryInfo, WifiController, WifiError,
};
use node_core::provision::Settings;

/// First and longest pause before the network is joined again. Each pause is twice as long as the one before, and up to a quarter
/// longer by chance, so that boards do not come back in step.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// What the settings lack for this board.
pub fn lacks(settings: &Settings<'_>) -> Option<&'static str> {
    settings
        .wifi
        .is_none()
        .then_some("the settings name no wireless network, and this board has no other one")
}

/// Starts the radio, for the network of the settings.
///
/// # Errors
///
/// The radio does not start, or there is no network in the settings.
pub fn start(radio: WIFI<'static>, settings: &Settings<'_>) -> Result<WifiController<'static>, WifiError> {
    let wifi = settings.wifi.ok_or(WifiError::InvalidArguments)?;
    let authentication = match wifi.passphrase {
        "" => AuthenticationMethodConfig::Open,
        passphrase => AuthenticationMethodConfig::Wpa2Personal(passphrase.try_into()?),
    };
    let station =
        StationConfig::default().with_ssid(wifi.ssid.try_into()?).with_authentication(authentication);
    // What is allowed in each country.
    let anywhere = CountryInfo::from(*b"01");
    let config = ControllerConfig::default().with_country_info(anywhere);
    let mut controller = WifiController::new(radio, config)?;
    controller.set_config(&Config::Station(station))?;
    Ok(controller)
}

/// Joins the network, and joins it again for ever.
pub async fn stay_joined(mut controller: WifiController<'static>) -> ! {
    let mut pause = FIRST_PAUSE;
    loop {
        match controller.connect_async().await {
            Ok(_) => {
                info!("joined the wireless network");
                let since = Instant::now();
                let left = controller.wait_for_disconnect_async().await;
                warn!("the wireless network is gone: {}", Debug2Format(&left.map(|left| left.reason)));
                // A network that comes and goes within seconds is not tried at once.
                if since.elapsed() > LONGEST_PAUSE {
                    pause = FIRST_PAUSE;
                }
            }
            Err(error) => warn!("the wireless network cannot be joined: {}", Debug2Format(&error)),
        }
        Timer::after(with_jitter(pause)).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

fn with_jitter(pause: Duration) -> Duration {
    let quarter = u32::try_from(pause.as_millis() / 4).unwrap_or(u32::MAX).max(1);
    pause + Duration::from_millis(u64::from(Rng::new().random() % quarter))
}
